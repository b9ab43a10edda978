"""The value that describes a component."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSettings:
    """A component by name.

    Attributes:
        name: Registered name; ``DISTRIBUTION:NAME`` where two distributions offer one.
        options: The component's own.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def section(self) -> dict[str, Any]:
        """As recipes write it: the name with the options beside it."""
        return {"name": self.name, **self.options}
