"""A density generator made anew with some of its options changed."""

from collections.abc import Mapping
from typing import Any, Final

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import DensityGenerator
from crowdkit_core.registry import create, load
from crowdkit_core.registry.in_process import LOCAL
from crowdkit_core.registry.options import parameters

KIND: Final = "density_generator"


def has_option(generator: DensityGenerator, name: str) -> bool:
    """Whether a generator of this kind takes an option."""
    full_name = _registered_name(generator)
    factory = type(generator) if full_name is None else load(KIND, full_name)
    return name in parameters(factory, generator.label)


def with_options(generator: DensityGenerator, changes: Mapping[str, Any]) -> DensityGenerator:
    """The same generator with some options changed, all others as they were given.

    Args:
        generator: Left as it is, and returned where nothing changes.
        changes: Options by name.

    Returns:
        A generator that has yet to be fitted.

    Raises:
        OptionsError: It has no such option, or not that value; names generator and option.
        IncompatibleError: Its other options are not known, or making it anew would lose weights.
    """
    if not changes:
        return generator
    changed = f"{', '.join(changes)} of {generator.label} cannot be changed"
    full_name = _registered_name(generator)
    if generator.origin is None or full_name is None:
        raise IncompatibleError(
            f"{changed}: it was built by its class, so its other options are not known",
            hint=f"make it with crowdkit_core.create({KIND!r}, NAME, ...)",
        )
    if any(True for _ in generator.parameters()):
        raise IncompatibleError(
            f"{changed}: made anew it would lose its weights",
            hint="leave a generator with weights as it is in every stage",
        )
    return create(KIND, full_name, **{**generator.origin.options, **changes})


def _registered_name(generator: DensityGenerator) -> str | None:
    """``DISTRIBUTION:NAME``; None for a generator that the registry did not make."""
    origin = generator.origin
    return None if origin is None else f"{origin.distribution or LOCAL}:{origin.name}"
