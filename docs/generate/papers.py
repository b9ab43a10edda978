"""A page for each plugin, and one for a first hour: their README, with links that work here."""

import os
import re
import tomllib
from pathlib import Path

from crowdkit_core import list_components
from crowdkit_core.cards import list_cards
from crowdkit_core.registry import KINDS
from generate.markdown import page, table

PAPERS = (
    "crowdkit-deepcount",
    "crowdkit-cfanet",
    "crowdkit-adaptive-density",
    "crowdkit-recurrent-distillation",
    "crowdkit-raznet",
)
"""Reproduced as a whole; any other plugin's group follows from what it offers."""

LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")
REPOSITORY = Path(__file__).parents[2]


def paper_pages(repository: Path, folder: Path) -> dict[str, str]:
    """The pages by file name, an overview among them."""
    plugins = _plugins(repository)
    pages = {f"{name}.md": _readme(path, folder) for name, path in plugins.items()}
    pages["first-steps.md"] = _readme(repository / "README.md", folder)
    pages["papers.md"] = _overview(plugins)
    return pages


def paper_link(distribution: str) -> str:
    """A package, linked to its page where it has one."""
    return (
        f"[{distribution}]({distribution}.md)"
        if distribution in _plugins(REPOSITORY)
        else distribution
    )


def _plugins(repository: Path) -> dict[str, Path]:
    """The README of each plugin of the repository by distribution."""
    found = sorted(repository.glob("plugins/*/pyproject.toml"))
    return {
        tomllib.loads(file.read_text())["project"]["name"]: file.with_name("README.md")
        for file in found
    }


def _readme(path: Path, folder: Path) -> str:
    """Its text, with links to files that are pages here going to those."""

    def retarget(match: re.Match[str]) -> str:
        target = (path.parent / match[1]).resolve()
        return os.path.relpath(_page_of(target, folder), folder) + (match[2] or "")

    return LINK.sub(retarget, path.read_text())


def _page_of(target: Path, folder: Path) -> Path:
    """What stands for a file of the repository in the docs; the file itself if nothing does."""
    repository = folder.parents[1]
    if target == repository / "README.md":
        return folder / "first-steps.md"
    plugins = {path.resolve(): name for name, path in _plugins(repository).items()}
    return folder / f"{plugins[target]}.md" if target in plugins else target


def _overview(plugins: dict[str, Path]) -> str:
    titles = ("Papers", "Baselines", "Losses", "Weights", "Trackers")
    groups: dict[str, list[str]] = {title: [] for title in titles}
    for name in plugins:
        groups[_group(name)].append(name)
    groups["Papers"].sort(key=PAPERS.index)
    about = {
        "Papers": "Reproduced as a whole: every part, option, recipe and published number.",
        "Baselines": "Networks that the papers build on or compare with.",
        "Losses": "What others train with, for any counter.",
        "Trackers": "What shows and keeps runs while they train: [Watch training](../trackers.md).",
        "Weights": "Trained, to count with at once: `crowdkit list weights`.",
    }
    parts = ["# Papers", "Each is a package of its own, whose parts mix with all others."]
    for title, members in groups.items():
        rows = [(f"[{name}]({name}.md)", _offers(name)) for name in members]
        parts += [
            f"## {title}",
            about[title],
            table(("package", "offers"), rows),
            _toctree(members),
        ]
    return page(*parts)


def _group(distribution: str) -> str:
    if distribution in PAPERS:
        return "Papers"
    if distribution in {info.distribution for info in list_cards()}:
        return "Weights"
    if distribution in {info.distribution for info in list_components("tracker")}:
        return "Trackers"
    counters = {info.distribution for info in list_components("counter")}
    return "Baselines" if distribution in counters else "Losses"


def _offers(distribution: str) -> str:
    offered = {
        kind: [info.name for info in list_components(kind) if info.distribution == distribution]
        for kind in KINDS
    }
    offered["weights"] = [each.name for each in list_cards() if each.distribution == distribution]
    return "; ".join(
        f"{kind.replace('_', ' ')} {', '.join(f'`{name}`' for name in names)}"
        for kind, names in offered.items()
        if names
    )


def _toctree(members: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", "", *members, "```"])
