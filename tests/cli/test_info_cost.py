"""`crowdkit info --cost` and `--layers`."""

import pytest

from crowdkit_core import create
from crowdkit_core.networks.cost import measure_cost


def rows(finished):
    """Lines of the table by their first word."""
    assert finished.code == 0, finished.err
    return {line.split()[0]: line.split() for line in finished.out.splitlines() if line}


def test_cost_prints_what_a_counter_declares_and_its_parts(crowdkit):
    finished = crowdkit("info", "csrnet", "--cost")
    table = rows(finished)
    assert table["stride"] == ["stride", "8"]
    assert table["outputs"] == ["outputs", "density", "(stride", "8)"]
    assert "receptive field  138 pixels" in finished.out
    assert "size multiple    8\n" in finished.out
    assert table["backbone"][1:] == ["Backbone", "512x48x64", "7,635,264", "54,697.918"]
    assert table["total"][-2:] == ["16,263,489", "81,197.728"]
    assert "2 FLOPs" in finished.out


def test_layers_prints_every_convolution(crowdkit):
    table = rows(crowdkit("info", "mcnn", "--layers", "--size", "64x32"))
    convolutions = [row for row in table.values() if row[1] == "Conv2d"]
    assert len(convolutions) == 13
    assert table["branch1.0"][2:] == ["16x64x32", "1,312", "2.654"]


def test_a_plain_info_builds_nothing(crowdkit):
    assert "MMACs" not in crowdkit("info", "csrnet").out


@pytest.mark.parametrize(
    "arguments",
    [["--size", "64x96"], ["--set", "counter.in_channels=3"], ["--device", "cpu", "--size", "8x8"]],
    ids=["size", "set", "device"],
)
def test_options_imply_cost(crowdkit, arguments):
    assert "MMACs" in crowdkit("info", "mcnn", *arguments).out


def test_json_carries_the_measured_cost(crowdkit):
    finished = crowdkit(
        "info", "mcnn", "--size", "40x56", "--json", "--set", "counter.in_channels=3"
    )
    (described,) = finished.json
    cost = measure_cost(create("counter", "mcnn", in_channels=3), (40, 56))
    network = described["network"]
    assert described["name"] == "mcnn"
    assert network["total"]["macs"] == cost.total.macs
    assert network["total"]["parameters"] == 133_705
    assert [layer["name"] for layer in network["layers"]] == [each.name for each in cost.layers]
    assert network["outputs"] == {"density": {"kind": "density", "stride": 4, "channels": 1}}
    assert (network["receptive_field"], network["size"]) == (34, [40, 56])


def test_json_says_which_counts_a_map_classifies(crowdkit):
    options = ["--size", "32x32", "--json", "--set", "counter.bins=[0, 1, 4]"]
    (described,) = crowdkit("info", "zip", "--kind", "counter", *options).json
    outputs = described["network"]["outputs"]
    assert outputs["bins"] == {"kind": "bins", "stride": 16, "channels": 2, "bins": [1, 4]}
    assert outputs["rate"] == {"kind": "rate", "stride": 16, "channels": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mse", "--cost"], ["mse", "loss", "counter"]),
        (["mcnn", "--size", "384"], ["--size", "384", "384x512"]),
        (["mcnn", "--size", "0x8"], ["0x8", "1x1"]),
        (["mcnn", "--set", "in_channels=3"], ["in_channels", "counter"]),
        (["mcnn", "--set", "counter.in_chanels=3"], ["in_chanels", "in_channels"]),
        (["mcnn", "--device", "cuda:99"], ["cuda:99"]),
    ],
    ids=["loss", "one-side", "no-rows", "no-section", "option", "device"],
)
def test_mistakes_are_named(crowdkit, arguments, words):
    finished = crowdkit("info", *arguments)
    assert finished.code == 2
    assert finished.err.startswith("crowdkit: ")
    assert "Traceback" not in finished.err
    for word in words:
        assert word in finished.err
