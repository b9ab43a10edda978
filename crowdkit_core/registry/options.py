"""Read a component's options from its signature, and check values for all of them at once."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from crowdkit_core.errors import BrokenComponentError, OptionsError, shown
from crowdkit_core.registry.in_process import Factory
from crowdkit_core.spelling import did_you_mean

Parameters = Mapping[str, inspect.Parameter]

RESERVED = ("kind", "name")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of one option.

    Attributes:
        path: Where: ``width``, ``loop.clip_norm``, ``sizes.1``.
        text: What.
    """

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def parameters(factory: Factory, label: str) -> Parameters:
    """The options a factory takes, with evaluated annotations.

    Raises:
        BrokenComponentError: It takes ``*args`` or ``**kwargs``, positional-only parameters or a
            reserved name, or its annotations cannot be evaluated.
    """
    if _inherits_torch_constructor(factory):
        return {}
    try:
        found = inspect.signature(factory, eval_str=True).parameters
    except (TypeError, ValueError, NameError, AttributeError) as error:
        raise BrokenComponentError(f"{label}: its options cannot be read: {error}") from error
    for name, each in found.items():
        if each.kind not in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD):
            raise BrokenComponentError(
                f"{label}: its parameter {str(each).partition(':')[0]!r} is no named option",
                hint=f"give each option of {label} a name and a type instead of {name!r}",
            )
        if name in RESERVED:
            raise BrokenComponentError(
                f"{label}: no option can be named {name!r}",
                hint="create(kind, name, ...) and recipes use that word for the component itself",
            )
    return found


def checked_options(factory: Factory, options: Mapping[str, Any], label: str) -> dict[str, Any]:
    """The given options, converted to the annotated types.

    A list becomes a tuple, a string a path, a table a nested dataclass: what TOML can write.

    Args:
        factory: Whose signature says what is allowed.
        options: By name.
        label: How messages name the component.

    Raises:
        OptionsError: Lists everything wrong.
        BrokenComponentError: The factory's signature cannot be used.
    """
    converted, problems = check_options(factory, options, label)
    if problems:
        raise options_error(label, problems, parameters(factory, label))
    return converted


def check_options(
    factory: Factory, options: Mapping[str, Any], label: str, *, complete: bool = True
) -> tuple[dict[str, Any], list[Problem]]:
    """The given options converted, and what is wrong with them.

    Args:
        factory: Whose signature says what is allowed.
        options: By name.
        label: How messages name the component.
        complete: Whether a missing required option is a problem.
    """
    from pydantic import ConfigDict, Field, ValidationError, create_model
    from pydantic.errors import PydanticUserError

    known = parameters(factory, label)
    # Aliases, because an option may be called what a pydantic model has as a method.
    names = {f"option_{i}": name for i, name in enumerate(known)}
    definitions: dict[str, Any] = {
        field: (
            _annotation(known[name]),
            Field(... if complete and _is_required(known[name]) else None, alias=name),
        )
        for field, name in names.items()
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    try:
        model = create_model("Options", __config__=config, **definitions)
    except (PydanticUserError, TypeError) as error:
        raise BrokenComponentError(
            f"{label}: the types of its options cannot be checked: {error}"
        ) from error
    try:
        checked = model.model_validate(dict(options))
    except ValidationError as error:
        return {}, problems_of(error.errors(include_url=False), options, known)
    given = checked.model_fields_set  # a set of text, in another order in each process
    return {name: getattr(checked, each) for each, name in names.items() if each in given}, []


def options_error(label: str, problems: Sequence[Problem], known: Parameters) -> OptionsError:
    """The error for problems of one component's options."""
    return OptionsError(
        f"{label}: {'; '.join(map(str, problems))}",
        hint=f"options of {label}: {', '.join(known) or 'none'}",
    )


def _inherits_torch_constructor(factory: Factory) -> bool:
    """Whether a class without a constructor of its own has nn.Module's ``*args, **kwargs``."""
    if not isinstance(factory, type):
        return False
    owner = next(each for each in factory.__mro__ if "__init__" in vars(each))
    return owner.__module__.partition(".")[0] == "torch"


def _annotation(parameter: inspect.Parameter) -> Any:
    return Any if parameter.annotation is parameter.empty else parameter.annotation


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty


def problems_of(
    errors: Sequence[Any], options: Mapping[str, Any], known: Parameters
) -> list[Problem]:
    """What pydantic found wrong with options, in crowdkit's words.

    Args:
        errors: Of a ``ValidationError``.
        options: That were validated.
        known: Those that there are.
    """
    texts: dict[str, list[str]] = {}
    for error in errors:
        path = _path(error["loc"], options, missing=error["type"].startswith("missing"))
        text = _text(error, _names_beside(path, known))
        if text not in texts.setdefault(".".join(path), []):
            texts[".".join(path)].append(text)
    return [Problem(path, " or ".join(each)) for path, each in texts.items()]


def _path(location: Sequence[int | str], options: Any, *, missing: bool) -> list[str]:
    """The location without the union branches pydantic puts into it."""
    path = []
    value = options
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            if not (missing and part == location[-1]):
                continue
        path.append(str(part))
    return path


def _text(error: Any, siblings: Sequence[str]) -> str:
    kind: str = error["type"]
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        name = str(error["loc"][-1])
        return did_you_mean(name, siblings, before="unknown option; ") or "unknown option"
    if kind.startswith("missing"):
        return "required option missing"
    message: str = error["msg"].removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]} (got {shown(error['input'])})"


def _names_beside(path: Sequence[str], known: Parameters) -> list[str]:
    """Names allowed where the last part of a path stands."""
    if len(path) < 2:
        return list(known)
    table = dataclass_in(_annotation(known[path[0]])) if path[0] in known else None
    for part in path[1:-1]:
        table = dataclass_in(get_type_hints(table).get(part)) if table else None
    return [each.name for each in fields(table)] if table else []


def dataclass_in(annotation: Any) -> Any:
    """The dataclass an annotation is, or has in a union."""
    choices = (annotation, *get_args(annotation))
    return next((each for each in choices if isinstance(each, type) and is_dataclass(each)), None)
