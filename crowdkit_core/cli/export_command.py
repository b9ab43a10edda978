"""`crowdkit export`: a counter as an ONNX file, for programs without torch."""

from pathlib import Path

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json, say


@click.command("export")
@click.argument("model", metavar="WEIGHTS")
@click.option(
    "--to",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write, such as model.onnx.",
)
@click.option(
    "--check",
    multiple=True,
    metavar="PATH",
    help="Compare counts on this photo, folder or pattern. Repeat it for several.",
)
@click.option(
    "--tolerance",
    type=float,
    default=1e-3,
    show_default=True,
    help="Greatest difference between torch and ONNX, as a share of what torch says.",
)
@click.option("--counter", "counter_name", help="Which counter; default: WEIGHTS say it.")
@set_option
@json_option
def export_command(
    model: str,
    path: Path,
    check: tuple[str, ...],
    tolerance: float,
    counter_name: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write the counter of WEIGHTS as an ONNX file that takes images of any size.

    WEIGHTS is a file, or the name of installed ones. The file is run by onnxruntime and compared
    with torch before it is kept, on made-up images and on those of --check.
    """
    from dataclasses import asdict

    from crowdkit_core.cli.components import only_sections
    from crowdkit_core.errors import UsageError
    from crowdkit_core.inference import find_images, load_model
    from crowdkit_core.settings import parse_overrides

    images = []
    for each in find_images(check) if check else ():
        if not isinstance(each, Path):
            raise UsageError(f"--check {each}: a stream or camera, expected photos")
        images.append(each)
    options = only_sections(parse_overrides(list(overrides)), "counter")
    made = load_model(model, counter=counter_name, options=options["counter"])
    written = made.export(path, check=images, tolerance=tolerance)
    if as_json:
        print_json(asdict(written))
        return
    say(f"{path}: {written.bytes / 1e6:.1f} MB, ONNX opset {written.opset}, images of any size")
    maps = (
        "" if written.density_difference is None else f", maps by {written.density_difference:.1g}"
    )
    say(f"{written.images} images compared: counts differ by {written.count_difference:.1g}{maps}")
