from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    assert {"csrnet/shanghaitech-a", "csrnet/shanghaitech-b"} <= set(
        check_recipes("crowdkit-csrnet")
    )
