"""Write the annotations of a data set by name, for `crowdkit data convert --dataset`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from crowdkit_core.cli.components import only_sections
from crowdkit_core.data.annotations import FormatName
from crowdkit_core.data.datasets.exporting import Export, export
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.interfaces import Dataset, Split
from crowdkit_core.registry import create
from crowdkit_core.settings import ComponentSettings, parse_overrides, resolve_component


def dataset_settings(name: str, overrides: tuple[str, ...]) -> ComponentSettings:
    """A dataset by name with ``--set`` options.

    Raises:
        UsageError: An option is wrong, or of something else.
    """
    options = only_sections(parse_overrides(overrides), "dataset")["dataset"]
    return resolve_component("dataset", {**options, "name": name})


def folder_options(overrides: Sequence[str], *, reserved: Mapping[str, str]) -> dict[str, Any]:
    """``--set`` options of the dataset ``folder``, checked; those alone that are given.

    Args:
        overrides: As on the command line.
        reserved: Options that the command sets, and what says them.

    Raises:
        UsageError: An option is wrong, reserved, or of something else.
    """
    given = only_sections(parse_overrides(overrides), "dataset")["dataset"]
    for name in given.keys() & reserved.keys():
        raise UsageError(f"--set dataset.{name}: the command takes {reserved[name]}")
    settings = resolve_component("dataset", {"root": ".", **given, "name": "folder"})
    return {name: settings.options[name] for name in given}


def export_dataset(
    settings: ComponentSettings,
    target: Path,
    *,
    split: Split | None,
    to: FormatName | None,
    overwrite: bool,
) -> tuple[Export, dict[Split, str]]:
    """Write the annotations of one split, or of all that a dataset has.

    Returns:
        What was written, and why a split was not.

    Raises:
        DataError: There is no such split, or none at all.
        CrowdkitError: As `export`.
    """
    missing: dict[Split, str] = {}
    if split is not None:
        datasets = [_create(settings, split)]
    else:
        datasets, missing = _splits(settings)
    return export(datasets, target, to=to, overwrite=overwrite), missing


def _splits(settings: ComponentSettings) -> tuple[list[Dataset], dict[Split, str]]:
    found: list[Dataset] = []
    errors: dict[Split, DataError] = {}
    for split in get_args(Split):
        if split == "all":
            continue
        try:
            found.append(_create(settings, split))
        except DataError as error:
            errors[split] = error
    if not found:
        raise next(iter(errors.values()))
    return found, {split: error.message for split, error in errors.items()}


def _create(settings: ComponentSettings, split: Split) -> Dataset:
    return create("dataset", settings.name, **{**settings.options, "split": split})
