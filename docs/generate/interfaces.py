"""A page for each interface: what is installed, with its options."""

import re
from collections.abc import Iterator

from crowdkit_core.registry import KINDS, Description
from crowdkit_core.registry.description import REFERENCE_SECTIONS
from generate.components import anchor, counter_facts, descriptions, names, option_tables
from generate.markdown import code, listing, page, table
from generate.papers import paper_link

TITLES = {
    "counter": "Counters",
    "density_generator": "Density generators",
    "loss": "Losses",
    "trainer": "Trainers",
    "localizer": "Localizers",
    "dataset": "Datasets",
    "metric": "Metrics",
    "tracker": "Trackers",
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
    " mistakes in one, and `crowdkit data convert --dataset NAME` writes its annotations in any of"
    " the [formats of annotation tools](formats.md).",
    "metric": "A metric is what an evaluation measures beside the errors of counts.",
    "tracker": "A tracker shows and keeps the curves and pictures of runs while they train; see"
    " [Watch training](../trackers.md).",
}


def interface_pages() -> dict[str, str]:
    """The pages by file name."""
    return {file_name(kind): interface_page(kind) for kind in KINDS}


def file_name(kind: str) -> str:
    """Of a kind's page."""
    return f"{TITLES[kind].lower().replace(' ', '-')}.md"


def api_page() -> str:
    """The class of every component, as its docstring documents it, and of options with a table."""
    parts = ["# Classes of the components", "By package, core first."]
    found = [each for kind in KINDS for each in descriptions(kind)]
    packages = {each.distribution for each in found}
    for package in sorted(packages, key=lambda name: (name != "crowdkit-core", name)):
        parts.append(f"## {package}")
        parts += [_class(_python_name(each)) for each in found if each.distribution == package]
    tables = {each for description in found for each in option_tables(description).values()}
    parts.append("## Options that are tables")
    parts += sorted(_class(f"{each.__module__}.{each.__qualname__}") for each in tables)
    return page(*parts)


def _class(python_name: str) -> str:
    return f"```{{eval-rst}}\n.. autoclass:: {python_name}\n```"


def interface_page(kind: str) -> str:
    """What is installed of a kind: a table, then a section for each."""
    found = descriptions(kind)
    rows = [
        (f"[`{each.name}`](#{anchor(each.name)})", each.summary, paper_link(each.distribution))
        for each in found
    ]
    return page(
        f"# {TITLES[kind]}",
        f"{PURPOSES[kind]} Below is what is installed, as `crowdkit list {kind}` and"
        f" `crowdkit info NAME` print it; {_choice(kind)}. Write one of your own with"
        f" the [contract](../contracts.md) of"
        f" {{py:class}}`~crowdkit_core.interfaces.{_class_name(kind)}`.",
        table(("name", "what it is", "package"), rows),
        *(part for each in found for part in _section(each)),
    )


def _choice(kind: str) -> str:
    """How a component of a kind is chosen, and its options set."""
    if kind == "metric":
        return (
            "choose some with `crowdkit eval --metrics NAME,...`, or as `metrics` of a"
            " [grid](../grids.md), and set their options in Python, where"
            " `evaluate(metrics=[...])` takes objects too"
        )
    if kind == "tracker":
        return (
            "choose some by `run.trackers` of a recipe, where options stand beside the name, or"
            " with `--set 'run.trackers=[\"NAME\"]'`; `train(trackers=[...])` takes objects"
        )
    return (
        f"choose one with `--{kind.replace('_', '-')} NAME`, or as `[{kind}]` of a recipe, and set"
        f" its options with `--set {kind}.OPTION=VALUE`"
    )


def _class_name(kind: str) -> str:
    return kind.title().replace("_", "")


def _section(description: Description) -> Iterator[str]:
    yield f"## {description.name}"
    yield description.summary
    yield body(description.documentation)
    facts = [f"Package {paper_link(description.distribution)}"]
    if description.reference:
        facts.append(description.reference)
    yield f"{'; '.join(facts)}. Class {{py:obj}}`{_python_name(description)}`."
    yield _options(description)
    if description.kind == "counter" and description.name in names("counter"):
        yield listing(counter_facts(description.name).network)


def body(documentation: str) -> str:
    """What a docstring says between its summary and its options, as Markdown.

    The paragraph on the paper is left out: it has its place in the list of facts.
    """
    text = documentation.partition("\n")[2]
    text = re.split(r"^(?:Args|Attributes|Raises|Example|Returns):$", text, flags=re.MULTILINE)[0]
    titles = tuple(f"{title}:" for title in REFERENCE_SECTIONS)
    paragraphs = [each for each in text.strip().split("\n\n") if not each.startswith(titles)]
    # Before a listing, which is indented in Markdown too.
    return re.sub("::$", ":", "\n\n".join(paragraphs), flags=re.MULTILINE)


def _options(description: Description) -> str:
    if not description.options:
        return "It has no options."
    tables = option_tables(description)
    rows = [
        (
            code(each.name),
            code(_without_modules(each.type)),
            code(each.default) or "required",
            each.help + " [Its options](api.md#options-that-are-tables)." * (each.name in tables),
        )
        for each in description.options
    ]
    return table(("option", "type", "default", "meaning"), rows)


def _without_modules(annotation: str) -> str:
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", annotation)


def _python_name(description: Description) -> str:
    return description.value.replace(":", ".")
