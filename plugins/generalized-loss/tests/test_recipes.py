from crowdkit_core.testing import check_recipes


def test_recipes_are_complete() -> None:
    assert "generalized-loss/shanghaitech-a" in check_recipes("crowdkit-generalized-loss")
