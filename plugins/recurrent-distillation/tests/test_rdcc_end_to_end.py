"""RDCC by iterative distillation from the command line, on tiny synthetic scenes."""

from pathlib import Path

import pytest
from safetensors.torch import load_file

from crowdkit_core.cli import main

RECIPE = """
[dataset]
name = "synthetic"
images = 4
size = [64, 80]
people = [0, 12]

[density_generator]
name = "perspective-aware"

[counter]
name = "rdcc"
backbone = "resnet18"

[loss]
name = "mse"
auxiliary = true

[trainer]
name = "distillation"
generator_options = [{ sigma_max = 25.0 }, { sigma_max = 10.0 }]
batch_size = 2

[trainer.initial]
epochs = 1

[trainer.distilled]
epochs = 2
"""


@pytest.mark.slow
def test_train_resume_and_evaluate_each_stage(tmp_path: Path, capsys, monkeypatch) -> None:
    def crowdkit(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["crowdkit", *map(str, arguments)])
        main()
        shown: str = capsys.readouterr().out
        return shown

    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    in_parts = ("--set", f"run.directory={parts}")
    crowdkit("train", recipe, "--set", f"run.directory={whole}")
    crowdkit("train", recipe, *in_parts, "--set", "trainer.distilled.epochs=1")
    crowdkit("train", recipe, *in_parts, "--set", "run.resume=true")
    for name in ("initial/last", "distilled-1/last", "best"):
        one, other = (load_file(run / f"{name}.safetensors") for run in (whole, parts))
        assert all(one[key].equal(other[key]) for key in one)
    for stage in ("initial", "distilled-1"):
        shown = crowdkit("eval", whole, "--weights", whole / stage / "best.safetensors")
        assert f"{stage}/best.safetensors" in shown
        assert "GAME(0)" in shown
