"""The registry: components are found through entry points, loaded on demand, made from options."""

from crowdkit_core.registry.creation import create, has_option, with_options
from crowdkit_core.registry.description import Description, OptionInfo, describe
from crowdkit_core.registry.in_process import Registration, isolated_registry, register
from crowdkit_core.registry.kinds import KINDS
from crowdkit_core.registry.listing import ComponentInfo, list_components
from crowdkit_core.registry.lookup import kinds_offering, load

__all__ = [
    "KINDS",
    "ComponentInfo",
    "Description",
    "OptionInfo",
    "Registration",
    "create",
    "describe",
    "has_option",
    "isolated_registry",
    "kinds_offering",
    "list_components",
    "load",
    "register",
    "with_options",
]
