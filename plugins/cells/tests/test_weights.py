import pytest

from crowdkit_core.cards import find_card
from crowdkit_core.testing import check_weights


def test_the_cards_and_their_files() -> None:
    assert check_weights("crowdkit-cells") == ["cells", "cells-bone-marrow"]


@pytest.mark.parametrize("name", ["cells", "cells-bone-marrow"])
def test_a_card_says_what_is_counted(name: str) -> None:
    card = find_card(name).card
    assert card.bytes <= 12e6
    assert card.things == "cells"
