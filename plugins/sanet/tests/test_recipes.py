from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    assert {"sanet/shanghaitech-a", "sanet/shanghaitech-b"} <= set(check_recipes("crowdkit-sanet"))
