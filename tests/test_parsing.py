"""Text of any content is a value or a ValueError."""

import pytest

from crowdkit_core.parsing import DEEPEST, parse_json, parse_toml


@pytest.mark.parametrize(
    "value", ["[" * 9999, "[" * 400 + "]" * 400, "9" * 5000, "{", "\x00", '"\\ud800"x', "[1,]x"]
)
@pytest.mark.parametrize("parse", [parse_json, lambda text: parse_toml(f"a = {text}")])
def test_what_cannot_be_read_is_a_value_error(parse, value) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse(value)
    assert type(refused.value).__module__ in ("builtins", "json.decoder", "tomllib")


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ValueError, match="decode"):
        parse_json(b"\xff\xfe\xfa")


def test_depth_is_counted_in_tables_and_lists() -> None:
    deepest = "[" * DEEPEST + "]" * DEEPEST
    assert parse_json(deepest) is not None
    for text in (f"[{deepest}]", f'{{"a": {deepest}}}'):
        with pytest.raises(ValueError, match=f"more than {DEEPEST} deep"):
            parse_json(text)
