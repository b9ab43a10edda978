"""The command line run in this process, and a small data set with a trained run."""

import csv
import json
from dataclasses import dataclass

import pytest
from torchvision.transforms.v2.functional import to_pil_image

from crowdkit_core import create
from crowdkit_core.cli import main


@dataclass
class Finished:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def crowdkit(capfd, monkeypatch):
    """Run `crowdkit ARGUMENTS` and give back exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["crowdkit", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capfd.readouterr()
        return Finished(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Twelve synthetic scenes as a user would have them: PNG files and a CSV of points."""
    folder = tmp_path_factory.mktemp("photos")
    scenes = create("dataset", "synthetic", images=12, size=(64, 96), people=(0, 20))
    with (folder / "annotations.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "x", "y"])
        for number, scene in enumerate(scenes):
            to_pil_image(scene.image).save(folder / f"{number}.png")
            for x, y in scene.points.tolist() or [("", "")]:
                rows.writerow([f"{number}.png", x, y])
    return folder
