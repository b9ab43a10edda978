"""Make the trackers that a run's settings name."""

from collections.abc import Sequence

from crowdkit_core.interfaces import Tracker
from crowdkit_core.registry import create
from crowdkit_core.settings import ComponentSettings, RunSettings, resolve_component


def make_trackers(run: RunSettings) -> Sequence[Tracker]:
    """The trackers of a run, in their order.

    Raises:
        OptionsError: Nothing installed offers one, or its options do not fit; says what to install.
        UsageError: A package that one needs is not installed; says what to install.
    """
    return [_made(each) for each in run.trackers]


def _made(asked: str | ComponentSettings) -> Tracker:
    section = asked if isinstance(asked, str) else asked.section()
    settings = resolve_component("tracker", section)
    tracker: Tracker = create("tracker", settings.name, **settings.options)
    return tracker
