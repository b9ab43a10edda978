"""The pages made at every build of the docs speak of everything that is installed."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from crowdkit_core import list_components, register
from crowdkit_core.cards import find_card, list_cards
from crowdkit_core.registry import KINDS, describe
from crowdkit_core.settings import list_grids, list_recipes
from crowdkit_core.testing.toys import ToyCounter, ToyPointCounter

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs/generated"
OVERVIEW = (ROOT / "README.md").read_text()
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.fixture(scope="module")
def generate():
    """Imports a module of the docs' generator."""
    sys.path.insert(0, str(ROOT / "docs"))
    yield lambda name: importlib.import_module(f"generate.{name}")
    sys.path.remove(str(ROOT / "docs"))


def test_links_of_papers_lead_to_pages_and_pictures(generate):
    pages = generate("papers").paper_pages(ROOT, GENERATED)
    assert set(pages) > {"papers.md", "first-steps.md"}
    followed = 0
    for name, text in pages.items():
        for target in LINK.findall(text):
            if not re.match("https?:", target):
                followed += 1
                found = (GENERATED / target).resolve()
                written = found.parent == GENERATED and found.name in pages
                assert written or found.is_file(), f"{name}: {target}"
                assert found.suffix != ".md" or found.is_relative_to(ROOT / "docs")
    assert followed > len(pages)


def test_every_plugin_has_a_page_and_a_place_in_the_overview(generate):
    pages = generate("papers").paper_pages(ROOT, GENERATED)
    plugins = {f"crowdkit-{folder.parent.name}" for folder in ROOT.glob("plugins/*/pyproject.toml")}
    listed = re.findall(r"^\| \[(crowdkit-[\w-]+)\]", pages["papers.md"], re.MULTILINE)
    assert sorted(listed) == sorted(plugins)
    assert {f"{name}.md" for name in plugins} <= set(pages)


def test_the_overview_names_what_each_package_offers():
    rows = re.findall(r"^\| \[?`(crowdkit-[\w-]+)`.*?\| (.*?) \|", OVERVIEW, re.MULTILINE)
    named = {(package, name) for package, offers in rows for name in re.findall("`(.+?)`", offers)}
    installed = {
        (info.distribution, info.name) for kind in KINDS for info in list_components(kind)
    } | {(info.distribution, info.name) for info in list_cards()}
    ours = {(package, name) for package, name in installed if package in dict(rows)}
    assert named - ours == {("crowdkit-page", "page")}, "a command, and no component"
    assert ours <= named


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"counter"}))
def test_interface_pages_name_all_components_and_options(generate, kind):
    interfaces = generate("interfaces")
    text = interfaces.interface_page(kind)
    for info in list_components(kind):
        section = text.partition(f"\n## {info.name}\n")[2].partition("\n## ")[0]
        for option in describe(kind, info.name).options:
            assert f"| `{option.name}` |" in section


def test_recipes_and_grids_are_listed(generate):
    text = generate("recipes").recipes_page()
    for info in (*list_recipes(), *list_grids()):
        assert f"| `{info.name}` |" in text


def test_every_card_has_a_row_and_a_section(generate):
    text = generate("weights").weights_page()
    for info in list_cards():
        assert_card_is_shown(find_card(info.full_name), text)


def test_a_card_with_everything_is_shown_whole(generate, offer, card):
    errors = {"dataset": "toy scenes", "split": "test", "images": 24, "rmse": 4.0, "nae": 0.25}
    errors |= {"mae": 2.5, "mae_interval": [1.5, 3.5]}
    known = {"dataset": "toy scenes", "split": "validation"}
    known |= {"predicted": [9.5, 3.0], "actual": [10, 3]}
    speed = {"image": [1024, 768], "seconds": 0.21, "hardware": "a CPU, 2 threads"}
    trained = {**card()["trained_on"], "front_end": "VGG-16 of ImageNet"}
    extra = {"errors": [errors, {**errors, "split": "validation", "mae": 2.0}], "speed": speed}
    extra |= {"calibration": known, "default_for": ["people"], "terms": "Be kind.\nAlways."}
    offer("crowdkit-fake", card(**extra, bytes=2_345_678, trained_on=trained), card(name="bare"))
    text = generate("weights").weights_page()
    for name in ("toy", "bare"):
        assert_card_is_shown(find_card(name), text)
    (row,) = [line for line in text.splitlines() if line.startswith("| [toy](#toy) |")]
    for part in (
        "| People in toy scenes. | people |",
        "MAE 2.50 (95 %: 1.50 to 3.50) on 24 test images of toy scenes",
        "MAE 2.00 (95 %: 1.50 to 3.50) on 24 validation images of toy scenes",
        "| from 2 images |",
        "| 2.3 MB |",
        "| 0.21 s for 1024 x 768 on a CPU, 2 threads |",
        "| 96 to 128 pixels |",
        "| crowdkit-fake |",
    ):
        assert part in row
    section = text.partition("\n## toy\n")[2]
    assert "VGG-16 of ImageNet" in section
    assert "RMSE 4.00, NAE 0.250" in section


def test_a_page_without_weights_says_so(generate, offer):  # nothing is offered
    text = generate("weights").weights_page()
    assert "No weights are installed" in text
    assert "|" not in text


def assert_card_is_shown(installed, text):
    card = installed.card
    assert f"\n| [{card.name}](#" in text
    section = text.partition(f"\n## {card.name}\n")[2].partition("\n## ")[0]
    assert card.terms.rstrip() in section
    assert card.trained_on.command in section
    assert card.trained_on.software in section
    for errors in card.errors:
        assert text.count(f"MAE {errors.mae:.2f} ") >= 2


def test_a_counter_is_judged_by_what_it_gives(generate):
    components = generate("components")

    class CountOnly(ToyCounter):
        """Gives no map."""

        def __init__(self) -> None:
            super().__init__()
            self.outputs = {}
            self.direct_count = True

    with register("counter", "count-only", CountOnly):
        facts = components.counter_facts("count-only")
    assert facts.missing["loss", "mse"] == ["a map named 'density'"]
    assert not facts.missing["loss", "deepcount"]
    assert not facts.refused["supervised"]  # by a loss that fits


def test_a_counter_of_points_is_judged_by_a_loss_that_fits(generate):
    with register("counter", "toy-points", ToyPointCounter):
        facts = generate("components").counter_facts("toy-points")
    assert facts.missing["loss", "deepcount"] == ["a density map or a regressed count"]
    assert not facts.missing["loss", "p2pnet"]
    assert not facts.refused["supervised"]
    assert "gives no density map" in facts.refused["joint"]
    assert "gives neither" in facts.refused["distillation"]


def test_cells_of_tables_keep_to_their_line(generate):
    markdown = generate("markdown")
    table = markdown.table(("type", "help"), [("`int | None`", "first\n  second")])
    assert table.splitlines()[-1] == "| `int \\| None` | first second |"


def test_every_format_says_how_it_comes_out_of_its_tool(generate):
    formats = generate("formats")
    text = formats.formats_page()
    for name, chosen in formats.FORMATS.items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert chosen.origin
        assert chosen.origin in section
        assert f"| [`{name}`](#{name}) | {chosen.title} |" in text
        assert chosen.example.rstrip("\n") in section
        assert (f"read and written as `{name}`" in section) == (chosen.write is not None)


def test_datasets_show_their_folders(generate):
    text = generate("interfaces").interface_page("dataset")
    section = text.partition("\n## shanghaitech\n")[2].partition("\n## ")[0]
    assert "{train,test}_data/{images/IMG_n.jpg" in section
    assert "Raises" not in section


def test_the_body_of_a_docstring_ends_before_its_sections(generate):
    documentation = (
        "Summary.\n\nFirst of these:\n\n- a\n\nAs a recipe::\n\n    x = 1\n\n"
        "Reference: A, 2020.\n\nArgs:\n    a: B."
    )
    expected = "First of these:\n\n- a\n\nAs a recipe:\n\n    x = 1"
    assert generate("interfaces").body(documentation) == expected
