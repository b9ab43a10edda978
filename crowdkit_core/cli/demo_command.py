"""`crowdkit demo`: the main job end to end on the built-in synthetic scenes.

It is added to the command line as a plugin adds its commands: through the hook.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from crowdkit_core.registry.hooks import hookimpl

RECIPE = "mcnn/synthetic"
PHOTO = 1
"""Which test image is counted."""

SCENE: Mapping[str, Any] = {"size": (600, 800), "people": (120, 120), "seed": 0}
"""The rendered scene that installed weights count."""


@hookimpl
def register_commands(group: click.Group) -> None:
    """Add ``demo`` to the command line."""
    group.add_command(demo)


@click.command("demo")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything goes; runs/DATE_demo by default.",
)
@click.option("--recipe", default=RECIPE, show_default=True, help="What to train.")
@click.option("--epochs", type=click.IntRange(min=1), help="Train shorter or longer.")
def demo(output: Path | None, recipe: str, epochs: int | None) -> None:
    """Train on synthetic crowds, evaluate, count an image, and draw pictures of it."""
    from crowdkit_core.settings import load_recipe

    overrides = [f"trainer.epochs={epochs}"] if epochs else []
    resolved = load_recipe(recipe, overrides=overrides)

    from torchvision.transforms.v2.functional import to_pil_image

    from crowdkit_core.cli.pictures import Truth, write_comparisons
    from crowdkit_core.evaluation import evaluate, format_report
    from crowdkit_core.evaluation.parts import fitted_generator
    from crowdkit_core.inference import Model
    from crowdkit_core.settings.run_names import dated_folder
    from crowdkit_core.training import train_recipe
    from crowdkit_core.visual import save, training_curve

    output = output or dated_folder("demo")
    resolved = replace(resolved, run=replace(resolved.run, directory=output))
    click.echo(f"1. training {resolved.counter.name} on {resolved.dataset.name} images")
    result = train_recipe(resolved)
    save(training_curve(result.history), output / "curve.png")

    click.echo("2. evaluating on images it has not seen")
    test = resolved.create("dataset", split="test")
    train = resolved.create("dataset", split="train")
    report = evaluate(result.counter, test, train=train)
    click.echo(format_report(report))

    click.echo("3. counting one image")
    photo = output / "photo.png"
    to_pil_image(test[PHOTO].image).save(photo)
    model = Model(counter=result.counter)
    counted = model(photo)
    click.echo(f"{photo}: {counted.count:.1f} people, of {report.images[PHOTO].actual} annotated")
    counted.save(output / "photo-counted.png")
    generator, _ = fitted_generator(resolved, result.weights)
    write_comparisons(output, model, test, [PHOTO], Truth.trained_on(generator))

    click.echo("4. counting a larger scene with the installed weights for people")
    pictures = ["photo-counted.png", f"{Path(test[PHOTO].name).stem}.png", "curve.png"]
    pictures += _count_with_installed(output)

    click.echo("5. done; look at")
    for name in pictures:
        click.echo(f"   {output / name}")
    click.echo(f"   weights: {result.weights}")


def _count_with_installed(output: Path) -> list[str]:
    """Count a rendered scene with the default weights, if there are any; names the picture."""
    from torchvision.transforms.v2.functional import to_pil_image

    from crowdkit_core import create, load
    from crowdkit_core.errors import UsageError

    try:
        model = load()
    except UsageError as error:  # none are installed, or two packages claim to be the default
        click.echo(f"left out: {error}")
        return []
    scene = create("dataset", "synthetic", split="test", images=1, **SCENE)[0]
    photo = output / "scene.jpg"
    to_pil_image(scene.image).save(photo, quality=90)
    counted = model(photo)
    click.echo(f"{photo}: {counted}, of {len(scene.points)} rendered")
    counted.save(output / "scene-counted.png")
    return ["scene-counted.png"]
