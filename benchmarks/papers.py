"""The main claim of each paper: trained within a budget of minutes, beside what the paper prints.

make papers DATA=DIR VGG16=PATH BUDGET=60

DIR holds ShanghaiTech as downloaded, PATH has torchvision's or timm's VGG-16 weights. After BUDGET
minutes it stops and prints the table; the same command goes on from the last finished epoch. The
row that each paper ends with comes first, the others after those of all papers.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from crowdkit_core.grid import GridFolder, Outcome, load_grid
from crowdkit_core.grid.scores import COUNT_SCORES, Score, further_scores

HEADER = (
    "claim",
    "row",
    "published",
    "MAE here",
    "95 % interval",
    "front end",
    "epochs",
    "minutes",
    "seed",
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A grid, and the MAE that its paper prints for each row, on the official test images.

    Attributes:
        grid: Its name.
        published: By row, stage or way of counting; empty where the paper has other images.
        first: The row that is trained before the others of all claims; empty for all.
        result: What the count is called in a grid without rows.
    """

    grid: str
    published: Mapping[str, float] = field(default_factory=dict)
    first: str = ""
    result: str = ""

    @property
    def folder(self) -> str:
        return self.grid.replace("/", "-")


CLAIMS = (
    Claim(grid="deepcount/branches-shanghaitech-a", published={"all": 65.2}, first="all"),
    Claim(
        grid="cfanet/modules-shanghaitech-a",
        published={
            "baseline": 63.7,
            "CRR": 56.9,
            "DLE": 60.2,
            "CRR and DLE": 56.1,
            "supervision 4": 69.5,
            "MSE in place of BSL": 63.6,
        },
        first="CRR and DLE",
    ),
    Claim(grid="cfanet/losses-on-csrnet-shanghaitech-a", first="BSL"),
    Claim(
        grid="adaptive-density/targets-shanghaitech-a",
        published={
            "fixed 4": 70.1,
            "fixed 16": 67.8,
            "adaptive": 66.4,
            "refiner": 66.9,
            "generator": 64.7,
        },
        first="generator",
    ),
    Claim(
        grid="recurrent-distillation/generators-shanghaitech-a",
        published={
            "fixed": 67.91,
            "geometry-adaptive": 66.25,
            "non-uniform": 64.58,
            "perspective-aware": 62.55,
        },
        first="perspective-aware",
    ),
    Claim(
        grid="recurrent-distillation/stages-shanghaitech-a",
        published={
            "initial": 62.55,
            "distilled-1": 61.15,
            "distilled-2": 61.09,
            "distilled-3": 61.79,
        },
    ),
    Claim(
        grid="raznet/counts-shanghaitech-a",
        published={
            "density": 67.5,
            "localization": 75.2,
            "localization+": 71.6,
            "average": 66.5,
            "fusion": 65.1,
        },
        result="fusion",
    ),
)


@click.command()
@click.option("--data", required=True, help="ShanghaiTech as downloaded.")
@click.option("--vgg16", required=True, help="VGG-16 weights of ImageNet; true fetches them.")
@click.option("--budget", type=float, required=True, help="Minutes; 0 prints the table alone.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("runs/papers"))
@click.option("--set", "more", multiple=True, help="Further settings, such as run.workers=14.")
def main(data: str, vgg16: str, budget: float, output: Path, more: tuple[str, ...]) -> None:
    overrides = (f"dataset.root={data}", f"counter.pretrained={vgg16}", *more)
    until = time.monotonic() + 60 * budget
    for claim, row in _in_order():
        if time.monotonic() < until and not _done(claim, row, overrides, output):
            _train(claim, row, overrides, output, until)
    rows = [line for claim in CLAIMS for line in _lines(claim, overrides, output)]
    for line in (HEADER, ["---"] * len(HEADER), *rows):
        print(f"| {' | '.join(line)} |")


def _in_order() -> Iterator[tuple[Claim, str]]:
    yield from ((claim, claim.first) for claim in CLAIMS)
    yield from ((claim, "") for claim in CLAIMS if claim.first)


def _place(claim: Claim, overrides: tuple[str, ...], output: Path) -> GridFolder:
    return GridFolder(output / claim.folder, load_grid(claim.grid, overrides=overrides))


def _done(claim: Claim, row: str, overrides: tuple[str, ...], output: Path) -> bool:
    place = _place(claim, overrides, output)
    runs = place.grid.rows([row] if row else [])
    return all(outcome.report is not None for outcome in place.outcomes(runs))


def _train(claim: Claim, row: str, overrides: tuple[str, ...], output: Path, until: float) -> None:
    """Run a grid until the time is up; a run that is killed has kept its finished epochs."""
    command = [str(Path(sys.executable).with_name("crowdkit")), "grid", claim.grid]
    for each in overrides:
        command += ["--set", each]
    if row:
        command += ["--only", row]
    command += ["--output", str(output / claim.folder)]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(command, check=False, timeout=max(until - time.monotonic(), 0))


def _lines(claim: Claim, overrides: tuple[str, ...], output: Path) -> Iterator[tuple[str, ...]]:
    place = _place(claim, overrides, output)
    for outcome in place.outcomes():
        counts = further_scores([outcome], place.grid.counts)
        maes = [each for each in counts if each.column.startswith("mae_")]
        ways = {each.column.removeprefix("mae_"): each for each in maes}
        result = " ".join(outcome.labels) or claim.result
        for label, score in {result: COUNT_SCORES[0], **ways}.items():
            yield (
                claim.grid.removesuffix("-shanghaitech-a"),
                label,
                f"{claim.published.get(label, '')}",
                *_measured(outcome, score),
            )


def _measured(outcome: Outcome, score: Score) -> tuple[str, ...]:
    if outcome.report is None:
        return outcome.state, "", "", "", "", ""
    mae, stamp = score.of(outcome), outcome.report["stamp"]
    return (
        f"{mae['value']:.1f}",
        f"{mae['low']:.1f} to {mae['high']:.1f}",
        Path(str(outcome.run.recipe.counter.options["pretrained"])).stem,
        str(stamp["epochs"]),
        f"{stamp['seconds'] / 60:.0f}",
        outcome.run.replicate,
    )


if __name__ == "__main__":
    main()
