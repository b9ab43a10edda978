"""What a run began with, kept in its folder so that it is resumed with the same."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.parsing import parse_json
from crowdkit_core.settings import load_recipe
from crowdkit_core.settings.differences import Settings, deciding_settings, differences

DATA_FILE = "data.json"

_HINT = "its weights can still be used; start a run in another folder"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What decides the result of a run.

    Attributes:
        images: Fingerprints of its images by name: ``train``, ``validation``.
        settings: By dotted name, as `deciding_settings` gives them; those of the run alone where it
            has no recipe.
    """

    images: Mapping[str, str]
    settings: Settings

    def text(self) -> str:
        """The record as the JSON that `read_record` reads."""
        content = {**self.images, "settings": dict(self.settings)}
        return json.dumps({**content, "sha256": _digest(content)}, indent=2) + "\n"

    def completed(self, recipe: Path) -> "RunRecord":
        """The record with the settings of a recipe, if it was written when it had none itself.

        Raises:
            UsageError: The recipe cannot be read.
        """
        if self.settings or not recipe.exists():
            return self
        return RunRecord(self.images, deciding_settings(load_recipe(recipe)))

    def require_same_images(self, images: Mapping[str, str], path: Path) -> None:
        """Check that a resumed run sees the images it started with.

        Args:
            images: Those it would see.
            path: Where this record was read from.

        Raises:
            UsageError: It does not.
        """
        for name in sorted(self.images.keys() | images.keys()):
            if self.images.get(name) != images.get(name):
                raise UsageError(
                    f"{path}: the {name} images are not those the run began with",
                    hint="resume with the same dataset, or start a run in another folder",
                )

    def require_same_settings(self, settings: Settings, folder: Path) -> None:
        """Check that a resumed run goes on with the settings it started with.

        Epochs may be added. What finds points plays no part in training, and where the images are
        may change as long as they are the same: see `require_same_images`. Sections of which only
        one side says anything are not compared.

        Raises:
            UsageError: Others differ; names each with its old and its new value.
        """
        sections = _sections(self.settings) & _sections(settings)
        changed = [
            f"{key}: {_shown(old)} -> {_shown(new)}"
            for key, (old, new) in differences(self.settings, settings).items()
            if key.partition(".")[0] in sections and not _may_change(key, old, new)
        ]
        if changed:
            raise UsageError(
                f"{folder}: the run began with other settings: {'; '.join(changed)}",
                hint="resume with the old ones (more epochs are allowed), or start a run in "
                "another folder",
            )


def read_record(path: Path) -> RunRecord:
    """Read what `RunRecord.text` wrote; settings are empty if it did not know them yet.

    Raises:
        DataError: The file is damaged; names it and the way out.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        digest = content.pop("sha256", None)
        if digest is not None and digest != _digest(content):
            raise ValueError("its sha256 is not that of its content")
        settings = content.pop("settings", {})
        if not isinstance(settings, dict) or not all(isinstance(v, str) for v in content.values()):
            raise TypeError("expected fingerprints of images, and settings")
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: damaged, so the run cannot be resumed: {error}", hint=_HINT
        ) from error
    return RunRecord(content, settings)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _sections(settings: Settings) -> set[str]:
    return {key.partition(".")[0] for key in settings}


def _may_change(key: str, old: Any, new: Any) -> bool:
    section, name = key.partition(".")[0], key.rpartition(".")[2]
    if section == "localizer" or (section, name) == ("dataset", "root"):
        return True
    grows = isinstance(old, int) and isinstance(new, int) and new >= old
    return (section, name) == ("trainer", "epochs") and grows


def _shown(value: Any) -> str:
    return "not set" if value is None else repr(value)
