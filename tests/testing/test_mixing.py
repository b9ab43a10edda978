"""The check that parts train together."""

from crowdkit_core.density import Fixed
from crowdkit_core.losses import MSE
from crowdkit_core.testing import check_mix
from crowdkit_core.testing.toys import ToyCounter


class Coarse(ToyCounter):
    """Says which images it was shown."""

    size_multiple = 32

    def __init__(self):
        super().__init__()
        self.seen = set()

    def forward(self, images):
        self.seen.add(tuple(images.shape))
        return super().forward(images)


def test_images_have_several_of_the_coarsest_cells():
    # A batch norm over two values gives 1 and -1, whichever of them is the greater.
    counter = Coarse()
    check_mix(counter, Fixed(sigma=4.0), MSE(), size=(32, 96))
    assert counter.seen == {(2, 3, 64, 96)}
