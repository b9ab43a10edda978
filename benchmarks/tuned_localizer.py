"""What tuning brings the localizer of the weights `people`, on images that chose nothing.

Of the 30 images of ShanghaiTech A that these weights were not trained on, every other one chooses
the options and the rest judge them.

CROWDKIT_DATA_ROOT=DIR python benchmarks/tuned_localizer.py

DIR holds ShanghaiTech/part_A_final.
"""

import os
from pathlib import Path

from crowdkit_core import create, load
from crowdkit_core.evaluation import evaluate, tune_localizer
from crowdkit_core.interfaces import Annotation, Dataset, Sample

SHANGHAITECH = "shanghaitech"


class Without(Dataset):
    """A data set without the images of another."""

    def __init__(self, images: Dataset, others: Dataset) -> None:
        names = {others.annotation(index).name for index in range(len(others))}
        self.images, self.split = images, images.split
        self.kept = [i for i in range(len(images)) if images.annotation(i).name not in names]

    def __len__(self) -> int:
        return len(self.kept)

    def annotation(self, index: int) -> Annotation:
        return self.images.annotation(self.kept[index])

    def __getitem__(self, index: int) -> Sample:
        return self.images[self.kept[index]]


def held_out(every: int) -> Dataset:
    root = Path(os.environ["CROWDKIT_DATA_ROOT"]) / "ShanghaiTech"
    options = {"root": root, "split": "validation", "validation_every": every}
    images: Dataset = create("dataset", SHANGHAITECH, **options)
    return images


def main() -> None:
    model = load("people")
    shown = {"sizing": model.sizing, "tile": "auto"}
    chosen_on = held_out(20)  # those at 19, 39, ... of the held-out at 9, 19, 29, ...
    judged_on = Without(held_out(10), chosen_on)
    tuning = tune_localizer(model.counter, chosen_on, **shown)
    print(f"chosen on {len(chosen_on)} images: {dict(tuning.best.options)}")
    print(f"F1 within 8 px there: {tuning.best.score}, untuned {tuning.untuned.score}")
    for name, options in (("untuned", {}), ("tuned", tuning.best.options)):
        localizer = create("localizer", "local-maxima", **options)
        report = evaluate(
            model.counter, judged_on, localizer=localizer, protocol=SHANGHAITECH, **shown
        )
        assert report.protocol is not None
        print(f"{name} on {len(judged_on)} others: {dict(report.protocol.table['8 px'])}")


if __name__ == "__main__":
    main()
