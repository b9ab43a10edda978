"""Run named checks on a component, with room for failures that are known and explained."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from crowdkit_core.errors import CrowdkitError
from crowdkit_core.interfaces import Component

Check = Callable[[Any], None]
"""Takes a component and raises AssertionError, saying what was found and what was promised."""

CHECKS: dict[str, list[Check]] = {}

bounded = settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""How checks use hypothesis: few examples, the same on every run."""


class ConformanceError(AssertionError):
    """A component breaks its contract; lists every check that failed."""


def check_for(kind: str) -> Callable[[Check], Check]:
    """Register a function as one of the checks of an interface."""

    def add(check: Check) -> Check:
        CHECKS.setdefault(kind, []).append(check)
        return check

    return add


def checks_of(component: Component) -> list[Check]:
    """The checks of a component's interface, in order."""
    return list(CHECKS[component.kind])


def run_checks(component: Component, expected_failed_checks: Mapping[str, str] | None) -> None:
    """Run all checks of the component's interface.

    Args:
        component: The instance to check.
        expected_failed_checks: Check name to the reason why it fails; such a failure is accepted,
            and an unexpected success is a failure.

    Raises:
        ConformanceError: At least one check failed, or an expected failure no longer fails.
    """
    expected = dict(expected_failed_checks or {})
    checks = checks_of(component)
    unknown = set(expected) - {check.__name__ for check in checks}
    if unknown:
        raise ValueError(f"expected_failed_checks names no check: {', '.join(sorted(unknown))}")
    failures = [
        failure
        for check in checks
        if (failure := _failure(check, component, expected.get(check.__name__)))
    ]
    if failures:
        raise ConformanceError(f"{component.label} breaks its contract:\n" + "\n".join(failures))


def _failure(check: Check, component: Component, reason: str | None) -> str | None:
    try:
        check(component)
    except Exception as error:
        message = f"{type(error).__name__}: {error}".strip()
        return None if reason else f"- {check.__name__}: {message}"
    return f"- {check.__name__}: passes, though expected to fail ({reason})" if reason else None


def names_of_sound(checked: Iterable[tuple[str, str]]) -> list[str]:
    """The names of what was checked.

    Args:
        checked: Name and problem of each; the problem is empty if nothing is wrong.

    Raises:
        ConformanceError: There are problems; lists all.
    """
    results = list(checked)
    if problems := [f"{name}: {problem}" for name, problem in results if problem]:
        raise ConformanceError("\n".join(problems))
    return list(dict.fromkeys(name for name, _ in results))


def in_a_line(error: Exception) -> str:
    """What an error says, with the hint of crowdkit's own."""
    if isinstance(error, CrowdkitError):
        return str(error).replace("\n", " ")
    return f"{type(error).__name__}: {error}".splitlines()[0]


def parametrize_with_checks(
    components: Iterable[Component],
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Decorator that runs a test once per component and check.

    The test takes ``component`` and ``check`` and calls ``check(component)``. A check named in
    ``expected_failed_checks`` is marked xfail (strict) with its reason.
    """
    expected = dict(expected_failed_checks or {})
    cases = [
        pytest.param(
            component,
            check,
            id=f"{component.registered_name}-{check.__name__}",
            marks=[pytest.mark.xfail(reason=expected[check.__name__], strict=True)]
            if check.__name__ in expected
            else [],
        )
        for component in components
        for check in checks_of(component)
    ]
    return pytest.mark.parametrize(("component", "check"), cases)
