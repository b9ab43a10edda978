"""Nothing heavy is imported before a component is asked for."""

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pydantic", "PIL", "kornia", "timm")


@pytest.mark.parametrize(
    "statement",
    [
        "import crowdkit_core",
        "from crowdkit_core import list_components; assert list_components()",
        "from crowdkit_core.registry.hooks import hooks; import click; "
        "hooks().register_commands(click.Group())",
        "from crowdkit_core.listeners import jsonl_log, progress",
    ],
)
def test_without(statement):
    code = f"{statement}\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_do_not_import_torch():
    code = "import crowdkit_core.settings, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_weights_are_listed_and_found_without_torch(offer, card, cache):
    """Not even by the package that has them."""
    folder = offer("crowdkit-fake", card(), files={"toy.safetensors": b"weights"})
    code = (
        "import sys\n"
        "from crowdkit_core.cards import find_card, list_cards, locate\n"
        "assert 'toy' in [each.name for each in list_cards()]\n"
        "assert find_card('toy').card.counter == 'mcnn'\n"
        "locate('toy')\n"
        "from crowdkit_core.cli import main\n"
        "for sys.argv in (['crowdkit', 'list', 'weights'], ['crowdkit', 'info', 'toy']): main()\n"
        "assert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder.parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "People in toy scenes." in done.stdout


def test_hints_of_an_unknown_name_need_no_torch():
    code = (
        "import sys, crowdkit_core\n"
        "try:\n    crowdkit_core.create('counter', 'nothing-like-it')\n"
        "except crowdkit_core.errors.UnknownComponentError: pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
