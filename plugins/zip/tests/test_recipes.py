from crowdkit_core.testing import check_recipes


def test_recipes_are_complete() -> None:
    assert {"zip/shanghaitech-a", "zip/shanghaitech-a-tiny", "zip/synthetic"} | {
        "zip/losses-shanghaitech-a"
    } <= set(check_recipes("crowdkit-zip"))
