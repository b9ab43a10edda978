from crowdkit_core.testing import check_recipes


def test_recipes_are_complete() -> None:
    assert {"dm-count/shanghaitech-a", "dm-count/synthetic"} <= set(
        check_recipes("crowdkit-dm-count")
    )
