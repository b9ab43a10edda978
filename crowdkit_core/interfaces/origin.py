"""Base class of all components, which know their registered name, distribution and options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Origin:
    """The registry entry and the options an instance was created from.

    Attributes:
        kind: ``counter``, ``loss``, ...
        name: The registered name.
        distribution: The distribution that offers it; empty for in-process registration.
        options: The options that were given, without defaults.
    """

    kind: str
    name: str
    distribution: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


class Component:
    """Base of the interfaces: knows its origin when the registry made it.

    Attributes:
        origin: Set by `crowdkit_core.create`; None for an object built by its class.
        kind: The interface's name, used in messages.
    """

    kind: ClassVar[str]
    origin: Origin | None = None

    @property
    def registered_name(self) -> str:
        """The name it was created by, or its class if the registry did not make it."""
        return self.origin.name if self.origin else type(self).__name__

    @property
    def label(self) -> str:
        """Its name in messages: ``counter 'mcnn'``, or the class if unregistered."""
        return f"{self.kind} {self.registered_name!r}"
