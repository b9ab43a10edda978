"""The kinds of component and the entry-point group of each."""

from crowdkit_core.errors import UsageError

KINDS = {
    "density_generator": "crowdkit.density_generators",
    "counter": "crowdkit.counters",
    "loss": "crowdkit.losses",
    "trainer": "crowdkit.trainers",
    "localizer": "crowdkit.localizers",
    "dataset": "crowdkit.datasets",
    "metric": "crowdkit.metrics",
    "tracker": "crowdkit.trackers",
}
"""Kind -> entry-point group."""

RECIPES_GROUP = "crowdkit.recipes"
WEIGHTS_GROUP = "crowdkit.weights"
WEIGHTS_FORMATS_GROUP = "crowdkit.weights_formats"
"""Name: a suffix without its dot; value: from a `Path` to a `crowdkit_core.weights.WeightsFile`."""

HOOKS_GROUP = "crowdkit.hooks"


def checked_kind(kind: str) -> str:
    """The kind as `KINDS` spells it; ``density-generator`` is accepted too.

    Raises:
        UsageError: There is no such kind; lists them.
    """
    spelled = kind.replace("-", "_")
    if spelled not in KINDS:
        raise UsageError(f"no kind named {kind!r}", hint=f"kinds: {', '.join(KINDS)}")
    return spelled
