from crowdkit_core.testing import check_recipes


def test_recipes_are_complete() -> None:
    names = check_recipes("crowdkit-p2pnet")
    assert {"p2pnet/shanghaitech-a", "p2pnet/synthetic"} <= set(names)
