from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    assert {"mcnn/shanghaitech-a", "mcnn/shanghaitech-b"} <= set(check_recipes("crowdkit-mcnn"))
