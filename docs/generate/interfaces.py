"""A page for each interface: what is installed, with its options."""

from collections.abc import Iterator

from crowdkit_core.registry import KINDS, Description
from generate.components import anchor, counter_facts, descriptions
from generate.markdown import code, listing, page, table
from generate.papers import paper_link

TITLES = {
    "counter": "Counters",
    "density_generator": "Density generators",
    "loss": "Losses",
    "trainer": "Trainers",
    "localizer": "Localizers",
    "dataset": "Datasets",
}
PURPOSES = {
    "counter": "A counter is a network that takes images and gives a count, most of them as the sum"
    " of a density map.",
    "density_generator": "A density generator makes the density map that dots stand for: what a"
    " counter learns.",
    "loss": "A loss compares a prediction with the people who are there.",
    "trainer": "A trainer says what is trained when: one network, two together, or stage by stage.",
    "localizer": "A localizer finds where people are in what a counter predicts.",
    "dataset": "A dataset is images with a point for each person. `crowdkit data check` looks for"
    " mistakes in one.",
}


def interface_pages() -> dict[str, str]:
    """The pages by file name."""
    return {file_name(kind): _interface_page(kind) for kind in KINDS}


def file_name(kind: str) -> str:
    """Of a kind's page."""
    return f"{TITLES[kind].lower().replace(' ', '-')}.md"


def api_page() -> str:
    """The class of every component, as its docstring documents it."""
    parts = ["# Classes of the components", "By package, core first."]
    found = [each for kind in KINDS for each in descriptions(kind)]
    for package in sorted(
        {each.distribution for each in found}, key=lambda name: name[9:] != "core"
    ):
        parts.append(f"## {package}")
        parts += [_class(each) for each in found if each.distribution == package]
    return page(*parts)


def _class(description: Description) -> str:
    return f"```{{eval-rst}}\n.. autoclass:: {_python_name(description)}\n```"


def _interface_page(kind: str) -> str:
    found = descriptions(kind)
    option = kind.replace("_", "-")
    rows = [
        (f"[`{each.name}`](#{anchor(each.name)})", each.summary, paper_link(each.distribution))
        for each in found
    ]
    return page(
        f"# {TITLES[kind]}",
        f"{PURPOSES[kind]} Below is what is installed, as `crowdkit list {kind}` and"
        f" `crowdkit info NAME` print it; choose one with `--{option} NAME`, or as `[{kind}]` of a"
        f" recipe, and set its options with `--set {kind}.OPTION=VALUE`. Write one of your own with"
        f" the [contract](../contracts.md) of"
        f" {{py:class}}`~crowdkit_core.interfaces.{_class_name(kind)}`.",
        table(("name", "what it is", "package"), rows),
        *(part for each in found for part in _section(each)),
    )


def _class_name(kind: str) -> str:
    return kind.title().replace("_", "")


def _section(description: Description) -> Iterator[str]:
    yield f"## {description.name}"
    yield description.summary
    facts = [f"Package {paper_link(description.distribution)}"]
    if description.reference:
        facts.append(description.reference)
    yield f"{'; '.join(facts)}. Class {{py:obj}}`{_python_name(description)}`."
    yield _options(description)
    if description.kind == "counter":
        yield listing(counter_facts(description.name).network)


def _options(description: Description) -> str:
    if not description.options:
        return "It has no options."
    rows = [
        (code(each.name), code(each.type), code(each.default) or "required", each.help)
        for each in description.options
    ]
    return table(("option", "type", "default", "meaning"), rows)


def _python_name(description: Description) -> str:
    return description.value.replace(":", ".")
