"""`crowdkit export`: a counter as an ONNX file, for programs without torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.options import set_option
from crowdkit_core.cli.output import json_option, print_json, say

if TYPE_CHECKING:  # brings torch along
    from crowdkit_core.inference import Exported


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
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="Of weights and most values in between. float16 and int8 need --check, int8 --calibrate.",
)
@click.option(
    "--check",
    multiple=True,
    metavar="PATH",
    help="Compare counts on this photo, folder or pattern. Repeat it for several.",
)
@click.option(
    "--calibrate",
    multiple=True,
    metavar="PATH",
    help="For int8: photos like those to be counted, best others than those of --check.",
)
@click.option(
    "--calibration-method",
    type=click.Choice(["minmax", "percentile", "entropy"]),
    default="minmax",
    show_default=True,
    help="For int8: how the range of values is found that 8 bits stand for.",
)
@click.option(
    "--weight-bits",
    type=click.Choice(["7", "8"]),
    default="7",
    show_default=True,
    help="For int8: 8 count nearer where the file is to run on VNNI or Arm, worse elsewhere.",
)
@click.option(
    "--tolerance",
    type=float,
    help="Greatest difference of counts and maps between torch and ONNX, as a share of what torch "
    "says; by default 0.001, for float16 0.01, for int8 0.05 of counts and 0.3 of maps.",
)
@click.option("--counter", "counter_name", help="Which counter; default: WEIGHTS say it.")
@set_option
@json_option
def export_command(
    model: str,
    path: Path,
    precision: str,
    check: tuple[str, ...],
    calibrate: tuple[str, ...],
    calibration_method: str,
    weight_bits: str,
    tolerance: float | None,
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
    from crowdkit_core.inference import load_model
    from crowdkit_core.settings import parse_overrides

    images, seen = _photos("--check", check), _photos("--calibrate", calibrate)
    options = only_sections(parse_overrides(list(overrides)), "counter")
    made = load_model(model, counter=counter_name, options=options["counter"])
    written = made.export(
        path,
        check=images,
        tolerance=tolerance,
        precision=precision,  # type: ignore[arg-type]  # one of the choices
        calibrate=seen,
        calibration_method=calibration_method,  # type: ignore[arg-type]  # likewise
        weight_bits=int(weight_bits),  # type: ignore[arg-type]  # likewise
    )
    if as_json:
        print_json(asdict(written))
    else:
        _say(written)


def _photos(option: str, paths: Sequence[str]) -> list[Path]:
    """The photos that an option names.

    Raises:
        UsageError: One is a stream or camera.
    """
    from crowdkit_core.errors import UsageError
    from crowdkit_core.inference import find_images

    photos = []
    for each in find_images(paths) if paths else ():
        if not isinstance(each, Path):
            raise UsageError(f"{option} {each}: a stream or camera, expected photos")
        photos.append(each)
    return photos


def _say(written: "Exported") -> None:
    whole = (
        "" if written.precision == "float32" else f" ({_megabytes(written.float32_bytes)} before)"
    )
    say(
        f"{written.path}: {_megabytes(written.bytes)}{whole}, {written.precision}, "
        f"ONNX opset {written.opset}, images of any size"
    )
    off = f"counts differ by {written.count_difference:.1g}"
    if written.density_difference is not None:
        off += f", maps by {written.density_difference:.1g}"
    if written.points is not None:
        off += f"; {written.points_matched} of {written.points} points are where torch has them"
        if written.points_of_file != written.points:
            off += f", of {written.points_of_file}"
    say(f"{written.images} images compared: {off}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
