from crowdkit_core.testing import check_recipes


def test_recipes_are_complete() -> None:
    assert check_recipes("crowdkit-cells") == ["cells/bone-marrow", "cells/fluorescence"]
