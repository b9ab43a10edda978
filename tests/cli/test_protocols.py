"""`--protocol` of `crowdkit score`: one table, or a line that says what is lacking."""

import pytest

from crowdkit_core.cli.evaluation_options import PROTOCOL_NAMES
from crowdkit_core.evaluation.protocols import PROTOCOLS


def test_the_help_names_all_protocols():
    assert PROTOCOL_NAMES.split(", ") == list(PROTOCOLS)


@pytest.fixture
def score(crowdkit, photos):
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}"]
    return lambda *options: crowdkit("score", photos / "annotations.csv", *dataset, *options)


@pytest.mark.parametrize(("name", "row"), [("shanghaitech", "8 px"), ("qnrf", "1 to 100 px")])
def test_the_annotation_itself_is_perfect(score, name, row):
    scored = score("--protocol", name, "--missing-as-empty")
    perfect = "1.000 [1.000, 1.000]"
    (line,) = (each for each in scored.out.splitlines() if each.startswith(row))
    assert line.count(perfect) == 3, scored.err
    assert "matched within" not in scored.out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nwpu", "protocol 'nwpu' needs a box round each head"),
        ("nwpuu", "did you mean 'nwpu'?"),
    ],
)
def test_what_is_lacking_is_said_in_a_line(score, name, message):
    refused = score("--protocol", name)
    assert refused.code == 2
    assert message in refused.err
