"""The tracker `wandb`: a run of Weights & Biases."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from jaxtyping import UInt8
from numpy import ndarray

from crowdkit_core.interfaces import TrackedRun, Tracker, require_package

ANSWER_WITHIN = 45
"""Seconds that the service has to answer when a run begins or ends."""


class WandB(Tracker):
    """Sends the run to Weights & Biases; with ``mode="offline"`` it keeps it for ``wandb sync``.

    Its files are in ``wandb/`` of the run's folder, where also the identity is kept under which a
    resumed run goes on. Who you are is for ``wandb login`` or ``WANDB_API_KEY`` to say, as keys
    have no place in a recipe.

    Args:
        project: Where the run belongs; that of ``WANDB_PROJECT`` when None.
        entity: The user or team; your own when None.
        group: What runs are grouped by.
        tags: To find the run by.
        mode: ``online``, ``offline``, or None for what ``WANDB_MODE`` says.
    """

    def __init__(
        self,
        *,
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        tags: tuple[str, ...] = (),
        mode: Literal["online", "offline"] | None = None,
    ) -> None:
        require_package("wandb", of="tracker 'wandb'", install="crowdkit-wandb")
        self._place: dict[str, Any] = {
            "project": project,
            "entity": entity,
            "group": group,
            "tags": list(tags),
            "mode": mode,
        }
        self._run: Any = None

    def start(self, run: TrackedRun) -> None:
        """Begin a run with the recipe as its configuration and as a file, or go on with one."""
        import wandb

        self._run = wandb.init(
            **self._place,
            dir=run.directory,
            id=_identity(run),
            name=run.name,
            resume="allow",
            config=dict(run.settings),
            allow_val_change=True,  # a resumed run may have been given more epochs
            reinit="create_new",  # beside a run that the program has of its own
            settings=wandb.Settings(
                console="off", init_timeout=ANSWER_WITHIN, finish_timeout=ANSWER_WITHIN
            ),
        )
        Path(self._run.dir, "crowdkit-recipe.toml").write_text(run.recipe, encoding="utf-8")

    def log_values(self, values: Mapping[str, float], *, epoch: int) -> None:
        """Send the numbers."""
        self._run.log({**values, "epoch": epoch}, step=epoch, commit=True)

    def log_pictures(self, pictures: Mapping[str, UInt8[ndarray, "H W 3"]], *, epoch: int) -> None:
        """Send images, with the numbers that follow."""
        from wandb import Image

        images = {f"held-out/{name}": Image(picture) for name, picture in pictures.items()}
        self._run.log(images, step=epoch, commit=False)

    def finish(self, *, completed: bool) -> None:
        """Send the rest."""
        self._run.finish(exit_code=0 if completed else 1)


def _identity(run: TrackedRun) -> str:
    """That of the run as it began, or a new one, kept for the next time."""
    file = run.directory / "wandb" / "crowdkit-run-id.txt"
    if run.resumed and file.exists():
        return file.read_text(encoding="utf-8").strip()
    identity = secrets.token_hex(8)
    file.parent.mkdir(exist_ok=True)
    file.write_text(identity + "\n", encoding="utf-8")
    return identity
