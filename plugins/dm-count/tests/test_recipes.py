from crowdkit_core.testing import check_recipes


def test_recipes_are_complete() -> None:
    assert "dm-count/shanghaitech-a" in check_recipes("crowdkit-dm-count")
