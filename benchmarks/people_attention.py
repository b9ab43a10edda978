"""Which least attention the weights of crowdkit-people count with, chosen on training photographs.

CROWDKIT_DATA_ROOT=DIR python benchmarks/people_attention.py WEIGHTS

DIR holds ShanghaiTech/part_A_final. Thirty of its training photographs, and every eighth square of
them without people, are counted with each least attention, in the sizes of the card of WEIGHTS. The
least one with at most half a person a megapixel of nobody is chosen.
"""

import sys
from statistics import mean

from people_sizes import SIDE, photographs, squares_without_people
from torch import Tensor

from crowdkit_core.inference import Model, load_model
from crowdkit_core.interfaces import Sample
from crowdkit_core.metrics import mae, nae

LEAST = (0.0, 0.05, 0.1)


def main() -> None:
    people = photographs("train")[5::9]
    squares = squares_without_people("train")
    nobody = [squares[index] for index in range(0, len(squares), 8)]
    actual = [float(len(sample.points)) for sample in people]
    for least in LEAST:
        model = load_model(sys.argv[1], options={"least_attention": least})
        predicted = counts(model, people)
        found = mean(counts(model, nobody)) / SIDE**2 * 1e6
        print(
            f"{least:.2f}: MAE {mae(predicted, actual):.1f}, NAE {nae(predicted, actual):.3f} on "
            f"{len(people)} photographs, {found:.2f} people a megapixel of {len(nobody)} squares",
            flush=True,
        )


def counts(model: Model, samples: list[Sample]) -> list[float]:
    return [model(sample.image.as_subclass(Tensor)).count for sample in samples]


if __name__ == "__main__":
    main()
