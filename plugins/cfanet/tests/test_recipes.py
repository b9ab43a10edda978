from pathlib import Path

import pytest

from crowdkit_core.grid import load_grid
from crowdkit_core.settings import load_recipe
from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    sets = {"shanghaitech-a", "shanghaitech-b", "ucf-qnrf"}
    expected = {f"cfanet/{name}" for name in sets | {f"marunet-{name}" for name in sets} | {"mall"}}
    tables = ("ablations", "losses-on-cfanet", "bsl-on-others")
    expected |= {f"cfanet/{table}-shanghaitech-a" for table in tables}
    assert expected <= set(check_recipes("crowdkit-cfanet"))


def test_only_the_release_reduces_ucf_qnrf_for_testing(tmp_path: Path) -> None:
    paper, release = (
        load_recipe(f"cfanet/{name}", overrides=[f"dataset.root={tmp_path}"])
        for name in ("ucf-qnrf", "marunet-ucf-qnrf")
    )
    assert paper.dataset.options["long_side"] is None
    assert paper.trainer.options["augmentation"].long_side == (1024, 2048)
    assert release.dataset.options["long_side"] == (1, 1024)
    assert release.trainer.options["augmentation"].long_side is None


@pytest.mark.parametrize("name", ["ucf-cc-50", "marunet-ucf-cc-50"])
def test_ucf_cc_50_is_five_folds(name: str, tmp_path: Path) -> None:
    overrides = [f"dataset.root={tmp_path}", "counter.pretrained=false"]
    runs = load_grid(f"cfanet/{name}", overrides=overrides).runs
    folds = [run.recipe.dataset.options["fold"] for run in runs]
    assert folds == [0, 1, 2, 3, 4]
