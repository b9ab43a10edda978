"""Refuse parts that cannot work together, before the first step."""

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces.counter import Counter
from crowdkit_core.interfaces.density_generator import DensityGenerator
from crowdkit_core.interfaces.localizer import Localizer
from crowdkit_core.interfaces.loss import Loss


def require_fit(part: Loss | Localizer, counter: Counter) -> None:
    """Check that a counter gives what a loss or localizer reads.

    Raises:
        IncompatibleError: Names both and what is missing.
    """
    missing = part.missing(counter)
    if missing:
        given = ", ".join(sorted(counter.outputs)) or "only a count"
        raise IncompatibleError(
            f"{part.label} needs {' and '.join(missing)}, which {counter.label} does not give",
            hint=f"{counter.label} gives: {given}",
        )


def require_strides(density_generator: DensityGenerator, counter: Counter) -> None:
    """Check that a generator can make targets at the strides of a counter's density maps.

    Raises:
        IncompatibleError: Names both and the strides.
    """
    if density_generator.strides is None:
        return
    wanted = {spec.stride for spec in counter.outputs.values() if spec.kind == "density"}
    impossible = sorted(wanted - density_generator.strides)
    if impossible:
        raise IncompatibleError(
            f"{counter.label} predicts density at stride {impossible}, which "
            f"{density_generator.label} cannot make",
            hint=f"{density_generator.label} makes strides {sorted(density_generator.strides)}",
        )
