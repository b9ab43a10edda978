from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    assert {"fcn7/shanghaitech-a", "fcn7/shanghaitech-b"} <= set(check_recipes("crowdkit-fcn7"))
