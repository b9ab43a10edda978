"""Check a whole plugin: its package, and all components, recipes and weights it offers."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from crowdkit_core.errors import CrowdkitError, UnknownComponentError
from crowdkit_core.interfaces import Component
from crowdkit_core.registry import ComponentInfo, create, list_components
from crowdkit_core.registry.discovery import CORE, Offer, all_offers
from crowdkit_core.registry.kinds import RECIPES_GROUP, WEIGHTS_GROUP
from crowdkit_core.testing.recipes import recipe_problems
from crowdkit_core.testing.runner import checks_of, in_a_line
from crowdkit_core.testing.weights import weights_problems

ALONE = "crowdkit"
"""The extra by which a package that is also used without crowdkit asks for it."""

FILES_GROUPS = (RECIPES_GROUP, WEIGHTS_GROUP)
"""Entry points that name a package of files, which is imported to list them."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one component, of a recipe, of weights, or of the package.

    Attributes:
        subject: ``counter mcnn``, ``weights people``, or the distribution.
        check: Name of the check.
        problem: What is wrong; empty if it passed.
    """

    subject: str
    check: str
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "passed": self.passed}

    def line(self) -> str:
        """For people."""
        mark = "ok    " if self.passed else "FAILED"
        return f"{mark}  {self.subject}: {self.check}{'  ' + self.problem if self.problem else ''}"


def check_plugin(
    name: str, options: Mapping[str, Mapping[str, Any]] | None = None
) -> list[CheckResult]:
    """Check a plugin's package and run the conformance kit on all that it offers.

    Args:
        name: A distribution, its short name (without ``crowdkit-``), or a component of it.
        options: Per kind, options to create its components with.

    Raises:
        UnknownComponentError: No installed distribution of that name offers anything.
    """
    distribution = _distribution(name)
    results = [*_check_package(distribution), *_check_recipes(distribution)]
    results += _check_weights(distribution)
    for component in list_components():
        if component.distribution == distribution:
            results += _check_component(component, (options or {}).get(component.kind, {}))
    return results


def _distribution(name: str) -> str:
    installed = {offer.distribution for offer in all_offers() if offer.group}
    for wanted in (name, f"crowdkit-{name}"):
        if wanted in installed:
            return wanted
    owners = {each.distribution for each in list_components() if each.name == name}
    if len(owners) == 1:
        return owners.pop()
    raise UnknownComponentError(
        f"no installed distribution {name!r} or 'crowdkit-{name}' offers anything",
        hint="`crowdkit list` shows what is installed; `pip install -e DIR` installs a folder",
    )


def _check_package(distribution: str) -> Iterator[CheckResult]:
    if distribution != CORE:
        yield CheckResult(distribution, "requires_a_range_of_core", _open_range(distribution))
    of_it = [offer for offer in all_offers() if offer.distribution == distribution]
    packages = sorted({_imported_package(offer) for offer in of_it})
    yield CheckResult(distribution, "package_imports_without_torch", _heavy_import(packages))


def _imported_package(offer: Offer) -> str:
    """What is imported when the offer is listed."""
    return offer.value if offer.group in FILES_GROUPS else re.split("[.:]", offer.value)[0]


def _open_range(distribution: str) -> str:
    requirements = map(Requirement, metadata.requires(distribution) or [])
    operators = {
        part.operator
        for requirement in requirements
        if canonicalize_name(requirement.name) == CORE
        and (requirement.marker is None or requirement.marker.evaluate({"extra": ALONE}))
        for part in requirement.specifier
    }
    bounded = operators & {">=", ">", "~="} and operators & {"<", "<=", "~="}
    return "" if bounded else f"declare {CORE}>=X,<Y in its dependencies"


def _heavy_import(packages: Sequence[str]) -> str:
    names = ", ".join(packages)
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if finished.returncode == 0:
        return ""
    lines = finished.stderr.strip().splitlines()
    return lines[-1] if lines else f"`import {names}` imports torch; import it in a submodule"


def _check_recipes(distribution: str) -> Iterator[CheckResult]:
    """Left out where packages are missing that the extra ``recipes`` brings."""
    if missing := _missing_for_recipes(distribution):
        yield CheckResult(f"recipes of {distribution}", f"left out, need {', '.join(missing)}")
        return
    for name, problem in recipe_problems(distribution):
        yield CheckResult(f"recipe {name}", "parts_fit", problem)


def _missing_for_recipes(distribution: str) -> list[str]:
    requirements = map(Requirement, metadata.requires(distribution) or [])
    needed = {
        canonicalize_name(each.name)
        for each in requirements
        if each.marker is not None and each.marker.evaluate({"extra": "recipes"})
    }
    there = {canonicalize_name(each.name) for each in metadata.distributions() if each.name}
    return sorted(needed - there)


def _check_weights(distribution: str) -> Iterator[CheckResult]:
    for name, check, problem in weights_problems(distribution):
        yield CheckResult(f"weights {name}", check, problem)


def _check_component(info: ComponentInfo, options: Mapping[str, Any]) -> Iterator[CheckResult]:
    subject = f"{info.kind} {info.name}"
    try:
        component = create(info.kind, f"{info.distribution}:{info.name}", **options)
    except CrowdkitError as error:
        yield CheckResult(subject, "is_created", in_a_line(error))
        return
    yield CheckResult(subject, "is_created")
    if not isinstance(component, Component) or component.kind.replace(" ", "_") != info.kind:
        yield CheckResult(subject, "has_its_kind", f"{type(component).__name__} is no {info.kind}")
        return
    for check in checks_of(component):
        try:
            check(component)
        except Exception as error:
            yield CheckResult(subject, check.__name__, in_a_line(error))
        else:
            yield CheckResult(subject, check.__name__)
