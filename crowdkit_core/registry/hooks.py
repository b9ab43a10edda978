"""Call listeners: training and evaluation progress, and extra CLI commands.

A plugin offers a listener under the entry-point group ``crowdkit.hooks``: a module, or a class made
without arguments, with functions named as the events of `Events` and marked with `hookimpl`. A
function takes those of the event's arguments it wants, by name.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pluggy

from crowdkit_core.errors import CrowdkitError
from crowdkit_core.printable import printable
from crowdkit_core.registry.discovery import offers
from crowdkit_core.registry.kinds import HOOKS_GROUP
from crowdkit_core.registry.lookup import load_offer

if TYPE_CHECKING:  # imports torch
    from crowdkit_core.interfaces import Counter

PROJECT = "crowdkit"

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a listener's function."""

_hookspec = pluggy.HookspecMarker(PROJECT)


class Events:
    """The events, with what each tells.

    Only the first process of a distributed run sends them. All values but the counter of
    `epoch_validated` are plain numbers and text.
    """

    @_hookspec
    def training_started(
        self,
        directory: Path,
        stages: Mapping[str, int],
        images: Mapping[str, int],
        in_memory: Mapping[str, int],
    ) -> None:
        """Training starts or resumes.

        Args:
            directory: The run's folder.
            stages: Epochs of each stage by its name, in order.
            images: Number of images, by ``train`` and, where there are any, ``validation``.
            in_memory: Bytes that those take which stay in memory once decoded, likewise.
        """

    @_hookspec
    def step_ended(
        self, stage: str, epoch: int, step: int, steps: int, losses: Mapping[str, float] | None
    ) -> None:
        """A step is done.

        Args:
            stage: Name of the stage.
            epoch: Epoch of the stage, counted from 0.
            step: Steps done in this epoch, counted from 1.
            steps: Steps of the epoch.
            losses: Loss terms by name; None where they were not read from the device.
        """

    @_hookspec
    def epoch_validated(self, stage: str, epoch: int, counter: "Counter", judged_by: str) -> None:
        """The validation images have been counted; `epoch_ended` follows.

        Args:
            stage: Name of the stage.
            epoch: Epoch of the stage, counted from 1 as in its record.
            counter: That counted them, in single precision; to look with, not to change.
            judged_by: Which of its counts the errors are of; empty for its own.
        """

    @_hookspec
    def epoch_ended(self, record: Mapping[str, Any]) -> None:
        """An epoch is done.

        Args:
            record: Everything noted of it: ``stage``, ``epoch``, losses, metrics, seconds.
        """

    @_hookspec
    def training_ended(self, directory: Path, completed: bool) -> None:
        """Training is over, also after an error or an interruption.

        Args:
            directory: The run's folder.
            completed: Whether all stages were finished.
        """

    @_hookspec
    def evaluation_progress(self, done: int, total: int) -> None:
        """Some images have been evaluated.

        Args:
            done: How many.
            total: Of how many.
        """

    @_hookspec
    def register_commands(self, group: click.Group) -> None:
        """The command line is being built: add commands to it.

        Args:
            group: The ``crowdkit`` group.
        """


class Hooks(Events):
    """Sends events to listeners; each method tells all of them.

    A plugin's listener that raises is reported by a warning that names it, and told no more: hours
    of training do not end because of it. Errors of crowdkit (a log that cannot be written) and of
    the listeners that the caller gave are raised.

    Args:
        manager: Of the listeners.
        labels: How messages name those that plugins offer.
    """

    def __init__(self, manager: pluggy.PluginManager, labels: Mapping[int, str]) -> None:
        self._manager = manager
        self._labels = labels

    def training_started(
        self,
        directory: Path,
        stages: Mapping[str, int],
        images: Mapping[str, int] | None = None,
        in_memory: Mapping[str, int] | None = None,
    ) -> None:
        """Tell listeners that training starts or resumes."""
        self._tell(
            "training_started",
            directory=directory,
            stages=stages,
            images=images or {},
            in_memory=in_memory or {},
        )

    def step_ended(
        self, stage: str, epoch: int, step: int, steps: int, losses: Mapping[str, float] | None
    ) -> None:
        """Tell listeners that a step is done."""
        self._tell("step_ended", stage=stage, epoch=epoch, step=step, steps=steps, losses=losses)

    def epoch_validated(self, stage: str, epoch: int, counter: "Counter", judged_by: str) -> None:
        """Tell listeners that the validation images have been counted."""
        self._tell(
            "epoch_validated", stage=stage, epoch=epoch, counter=counter, judged_by=judged_by
        )

    def epoch_ended(self, record: Mapping[str, Any]) -> None:
        """Tell listeners that an epoch is done."""
        self._tell("epoch_ended", record=record)

    def training_ended(self, directory: Path, completed: bool) -> None:
        """Tell listeners that training is over."""
        self._tell("training_ended", directory=directory, completed=completed)

    def evaluation_progress(self, done: int, total: int) -> None:
        """Tell listeners how many images have been evaluated."""
        self._tell("evaluation_progress", done=done, total=total)

    def register_commands(self, group: click.Group) -> None:
        """Let plugins add commands to the command line."""
        self._tell("register_commands", group=group)

    def _tell(self, event: str, **values: Any) -> None:
        everyone = self._manager.get_plugins()
        for told in reversed(getattr(self._manager.hook, event).get_hookimpls()):
            others = everyone - {told.plugin}
            try:
                self._manager.subset_hook_caller(event, others)(**values)
            except (CrowdkitError, KeyboardInterrupt):
                raise
            except BaseException as error:
                if (label := self._labels.get(id(told.plugin))) is None:
                    raise
                self._manager.unregister(told.plugin)
                _warn(f"{label} failed at {event} and is told no more", error)


def hooks(*listeners: object) -> Hooks:
    """New listeners of every installed plugin; call it once per run and keep the result.

    A plugin whose listener cannot be loaded is reported by a warning that names it, and left out.

    Args:
        *listeners: Further objects with functions marked by `hookimpl`.

    Raises:
        CrowdkitError: One of ``listeners`` has a function that no event calls, or that asks for
            an argument the event does not have.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Events)
    labels = {}
    for offer in offers(HOOKS_GROUP):
        label = f"hook {offer.name!r}"
        try:
            loaded = load_offer(offer, label)
            listener = loaded() if isinstance(loaded, type) else loaded
            _add(manager, listener, label)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # one broken plugin stops nobody else
            _warn(f"{label} of {offer.distribution} is left out", error)
        else:
            labels[id(listener)] = f"{label} of {offer.distribution}"
    for listener in listeners:
        _add(manager, listener, f"listener {type(listener).__name__}")
    return Hooks(manager, labels)


def _warn(what: str, error: BaseException) -> None:
    reason = str(error) if isinstance(error, CrowdkitError) else f"{type(error).__name__}: {error}"
    warnings.warn(f"{what}: {printable(reason, keep=chr(10))}", RuntimeWarning, stacklevel=3)


def _add(manager: pluggy.PluginManager, listener: object, label: str) -> None:
    try:
        manager.register(listener)
        manager.check_pending()  # a function that no event calls is a misspelt one
    except (pluggy.PluginValidationError, ValueError) as error:
        if manager.is_registered(listener):
            manager.unregister(listener)
        reason = " ".join(str(error).split())
        events = [name for name in vars(Events) if not name.startswith("_")]
        raise CrowdkitError(f"{label}: {reason}", hint=f"events: {', '.join(events)}") from error
