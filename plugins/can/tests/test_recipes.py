from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    assert {"can/shanghaitech-a", "can/shanghaitech-b"} <= set(check_recipes("crowdkit-can"))
