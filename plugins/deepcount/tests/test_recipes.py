from crowdkit_core.testing import check_recipes


def test_the_papers_recipes_are_complete() -> None:
    assert set(check_recipes("crowdkit-deepcount")) == {
        "deepcount/ablations-shanghaitech-b",
        "deepcount/branches-shanghaitech-a",
        "deepcount/mall",
        "deepcount/mbm",
        "deepcount/shanghaitech-a",
        "deepcount/shanghaitech-a-reference",
        "deepcount/shanghaitech-b",
        "deepcount/shanghaitech-b-reference",
        "deepcount/ucf-qnrf",
    }
