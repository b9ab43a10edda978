"""Format what `crowdkit info --cost` prints of a counter."""

import re
from dataclasses import asdict
from typing import Any

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Counter, MapSpec, Size
from crowdkit_core.networks.cost import LayerCost, NetworkCost
from crowdkit_core.tables import table

UNITS = """\
MMACs are millions of multiply-accumulates, of 2 FLOPs each; papers of this field print MACs as
"FLOPs". Counted by torch in convolutions, matrix products and attention."""


def image_size(text: str) -> Size:
    """``384x512`` as (H, W).

    Raises:
        UsageError: Anything else.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise UsageError(f"--size {text!r}: expected HEIGHTxWIDTH in pixels, such as 384x512")
    return int(match[1]), int(match[2])


def network_dict(counter: Counter, cost: NetworkCost) -> dict[str, Any]:
    """The cost and the declarations of a counter, for JSON."""
    return {
        "stride": counter.stride,
        "direct_count": counter.direct_count,
        "outputs": {name: _declared(spec) for name, spec in counter.outputs.items()},
        "receptive_field": counter.receptive_field,
        "size_multiple": counter.size_multiple,
        "min_size": counter.min_size,
        **asdict(cost),
    }


def format_network(counter: Counter, cost: NetworkCost, *, layers: bool) -> str:
    """Declarations, totals, and a table of parts or of layers."""
    rows = cost.layers if layers else cost.parts
    parts = [
        _facts(counter, cost),
        _cost_table((*rows, cost.total), "layer" if layers else "part"),
        UNITS,
    ]
    return "\n\n".join(parts)


def _facts(counter: Counter, cost: NetworkCost) -> str:
    reach = counter.receptive_field
    facts = {
        "count": "regressed by itself" if counter.direct_count else "sum of the density map",
        "stride": str(counter.stride or "no density map"),
        "outputs": "\n".join(_output(*item) for item in counter.outputs.items()) or "a count alone",
        "receptive field": "whole image" if reach is None else f"{reach} pixels beyond a cell",
        "size multiple": str(counter.size_multiple),
        "least image": f"{_by(counter.min_size)} pixels",
        "parameters": f"{cost.total.parameters:,}",
        "one image": f"{_millions(cost.total.macs)} MMACs at {_by(cost.size)} in evaluation mode",
    }
    width = max(map(len, facts))
    lines = (f"{name:{width}}  {fact}" for name, fact in facts.items())
    return "\n".join(line.replace("\n", "\n" + " " * (width + 2)) for line in lines)


def _declared(spec: MapSpec) -> dict[str, Any]:
    """What is said of a map, without what is empty."""
    return {key: value for key, value in asdict(spec).items() if value not in ((), "")}


def _output(name: str, spec: MapSpec) -> str:
    channels = f", {spec.channels} channels" if spec.channels > 1 else ""
    kind = "" if spec.kind == name else f"{spec.kind}, "
    return f"{name} ({kind}stride {spec.stride}{channels})"


def _cost_table(rows: tuple[LayerCost, ...], first: str) -> str:
    texts = {
        first: [each.name or "(itself)" for each in rows[:-1]] + ["total"],
        "type": [each.type for each in rows],
        "output": [_outputs(each) for each in rows],
    }
    numbers = {
        "parameters": [f"{each.parameters:,}" for each in rows],
        "MMACs": [_millions(each.macs) for each in rows],
    }
    columns = [[name, *values] for name, values in texts.items()]
    columns += [_right_aligned([name, *values]) for name, values in numbers.items()]
    header, *body = zip(*columns, strict=True)
    return table(body, header)


def _right_aligned(column: list[str]) -> list[str]:
    width = max(map(len, column))
    return [text.rjust(width) for text in column]


def _outputs(each: LayerCost) -> str:
    shapes = ", ".join(map(_by, each.outputs))
    return f"{shapes} ({each.calls} calls)".strip() if each.calls > 1 else shapes


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _millions(number: int) -> str:
    return f"{number / 1e6:,.3f}"
