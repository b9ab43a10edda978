"""How long a count takes, of images as they are shown."""

from crowdkit_core.inference import Model, Sizing
from crowdkit_core.packing.speed import measured_speed
from crowdkit_core.testing.toys import ToyCounter


class Watched(ToyCounter):
    """Remembers the sizes of what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = []

    def forward(self, images):
        self.shown.append(tuple(images.shape[-2:]))
        return super().forward(images)


def test_images_are_of_the_size_asked_for_whatever_the_model_would_resize_to():
    counter = Watched()
    sizing = Sizing.trained_on((16, 32), (2.0, 3.0))
    speed = measured_speed(Model(counter=counter, sizing=sizing), 64)
    assert speed.image == (64, 48)
    assert speed.seconds > 0
    assert set(counter.shown) == {(48, 64)}
    assert len(counter.shown) > 1
