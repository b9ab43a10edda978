"""Describe a component: its options, its paper, its package."""

import inspect
import re
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from crowdkit_core.registry.common_options import common_factory, common_parameters
from crowdkit_core.registry.lookup import Found, find
from crowdkit_core.registry.options import parameters

REFERENCE_SECTIONS = ("Reference", "References", "Source", "Paper")


@dataclass(frozen=True, slots=True)
class OptionInfo:
    """One option of a component.

    Attributes:
        name: Its name.
        type: Its annotation as text.
        default: Its default as Python writes it; empty when required.
        help: Its line of the docstring.
    """

    name: str
    type: str
    default: str
    help: str

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return not self.default


@dataclass(frozen=True, slots=True)
class Description:
    """One component, as ``crowdkit info`` shows it.

    Attributes:
        kind: One of `KINDS`.
        name: Its name.
        distribution: The distribution that offers it; empty for in-process registration.
        version: Version of the distribution.
        value: ``module:attribute``.
        summary: First line of the docstring.
        documentation: The docstring.
        options: What it takes.
        reference: The docstring's section on the paper; empty if it has none.
    """

    kind: str
    name: str
    distribution: str
    version: str
    value: str
    summary: str
    documentation: str
    options: tuple[OptionInfo, ...]
    reference: str

    @property
    def needs_options(self) -> bool:
        """Whether it cannot be made without options, such as a file."""
        return any(option.required for option in self.options)


def describe(kind: str, name: str) -> Description:
    """Describe a component; loads it.

    Raises:
        UnknownComponentError: Nothing installed offers it.
        AmbiguousComponentError: Two distributions offer it.
        BrokenComponentError: Its package cannot be loaded.
    """
    found = find(kind, name)
    documentation = _docstring(found.factory)
    helps = _option_helps(_docstring(common_factory(found))) | _option_helps(documentation)
    known = {**parameters(found.factory, found.label), **common_parameters(found)}
    options = tuple(
        OptionInfo(option, _type_text(each), _default_text(each), helps.get(option, ""))
        for option, each in known.items()
    )
    return Description(
        kind=found.kind,
        name=found.name,
        distribution=found.offer.distribution if found.offer else "",
        version=found.offer.version if found.offer else "",
        value=_value(found),
        summary=documentation.partition("\n")[0],
        documentation=documentation,
        options=options,
        reference=_reference(documentation),
    )


def _docstring(factory: Any) -> str:
    # Not inspect.getdoc: an inherited docstring would describe the interface.
    text = vars(factory).get("__doc__") if isinstance(factory, type) else factory.__doc__
    return inspect.cleandoc(text or "")


def _value(found: Found) -> str:
    if found.offer:
        return found.offer.value
    name = getattr(found.factory, "__qualname__", repr(found.factory))
    return f"{getattr(found.factory, '__module__', '')}:{name}"


def _type_text(parameter: inspect.Parameter) -> str:
    if parameter.annotation is parameter.empty:
        return ""
    annotation = parameter.annotation
    if get_origin(annotation) is Annotated:  # what else is said of it is for programs
        annotation = get_args(annotation)[0]
    return inspect.formatannotation(annotation)


def _default_text(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is parameter.empty else repr(parameter.default)


def _section(documentation: str, title: str) -> list[str]:
    """The indented lines under ``title:``."""
    lines = documentation.splitlines()
    if f"{title}:" not in lines:
        return []
    rest = lines[lines.index(f"{title}:") + 1 :]
    end = next((i for i, line in enumerate(rest) if line and not line.startswith(" ")), len(rest))
    return inspect.cleandoc("\n".join(rest[:end])).splitlines()


def _option_helps(documentation: str) -> dict[str, str]:
    helps: dict[str, str] = {}
    name = ""
    for line in _section(documentation, "Args"):
        if match := re.match(r"(\w+)(?: \(.*?\))?:\s*(.*)", line):
            name, text = match.groups()
            helps[name] = text
        elif name and line.strip():
            helps[name] = f"{helps[name]} {line.strip()}".strip()
    return helps


def _reference(documentation: str) -> str:
    for title in REFERENCE_SECTIONS:
        if lines := _section(documentation, title):
            return " ".join(line.strip() for line in lines if line.strip())
        for paragraph in documentation.split("\n\n"):
            if paragraph.startswith(f"{title}: "):
                return " ".join(paragraph.partition(": ")[2].split())
    return ""
