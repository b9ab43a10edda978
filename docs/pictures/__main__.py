"""`python docs/pictures`: the pictures on the papers' pages that no `crowdkit` command draws.

Every picture is of a rendered scene, is drawn on the CPU, and is the same each time.
"""

import tomllib
from pathlib import Path
from typing import Any

import attention_targets
import blocks
import click
import free_maps
import page as browser_page
import receptive_fields
import refinement
import sheet
import zooming

from crowdkit_core import create
from crowdkit_core.interfaces import Dataset, DensityGenerator, Size

output = click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path))


@click.group(help=__doc__)
def main() -> None:
    """Draw a picture."""


@main.command()
@click.argument("losses", nargs=-1, required=True)
@output
def loss(losses: tuple[str, ...], output: Path) -> None:
    """What a free density map becomes under LOSSES, each NAME or LABEL={name = NAME, ...}."""
    made = {label: create("loss", **options) for label, options in map(_named, losses)}
    scene = _scenes((192, 256), (25, 60))[1]
    sheet.write(free_maps.draw(made, scene, _generator("fixed", sigma=4.0)), output)


@main.command()
@click.argument("counter")
@output
def field(counter: str, output: Path) -> None:
    """What the middle cell of the map of an untrained COUNTER sees."""
    sheet.write(receptive_fields.draw(counter, _scenes((288, 384), (60, 160))[8]), output)


@main.command()
@output
def page(output: Path) -> None:
    """`crowdkit page` with a rendered scene, as Chromium shows it."""
    browser_page.write(output)


@main.command()
@output
def attention(output: Path) -> None:
    """What CFANet's attention is taught, with density levels of 30 scenes."""
    scenes = _scenes((288, 384), (60, 160), images=30)
    sheet.write(attention_targets.draw(scenes, 8, _generator("geometry-adaptive")), output)


@main.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--index", default=0, help="Of the test scene.")
@click.option("--stage", default=3, type=click.IntRange(1, 4), help="Of the decoder.")
@output
def refined(weights: Path, index: int, stage: int, output: Path) -> None:
    """What attention does to the features of a trained CFANet, in a test scene of its recipe."""
    scenes = _scenes((144, 192), (5, 60), images=60, split="test")
    generator = _generator("geometry-adaptive")
    counter = create("counter", "cfanet", weights=weights)
    sheet.write(refinement.draw(counter, scenes[index], generator, stage=stage), output)


@main.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--index", default=0, help="Of the test scene.")
@output
def zoom(weights: Path, index: int, output: Path) -> None:
    """Where a trained RAZNet looks again, and what it finds, in a test scene of its recipe."""
    scenes = _scenes((192, 256), (10, 150), images=80, split="test")
    sheet.write(zooming.draw(create("counter", "raznet", weights=weights), scenes[index]), output)


@main.command()
@click.argument("weights", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--index", default=0, help="Of the test scene.")
@output
def block(weights: Path, index: int, output: Path) -> None:
    """What a trained ZIP says of the blocks of a test scene of its recipe."""
    scenes = _scenes((144, 192), (0, 120), images=64, split="test")
    sheet.write(blocks.draw(create("counter", "zip", weights=weights), scenes[index]), output)


def _scenes(size: Size, people: tuple[int, int], **options: Any) -> Dataset:
    dataset: Dataset = create("dataset", "synthetic", size=size, people=people, **options)
    return dataset


def _generator(name: str, **options: Any) -> DensityGenerator:
    generator: DensityGenerator = create("density_generator", name, **options)
    return generator


def _named(text: str) -> tuple[str, dict[str, Any]]:
    label, equals, table = text.partition("=")
    return (label, tomllib.loads(f"it = {table}")["it"]) if equals else (text, {"name": text})


if __name__ == "__main__":
    main()
