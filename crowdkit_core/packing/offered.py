"""What a run does not say of the weights that are offered from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What their maker says of weights.

    Attributes:
        weights: Which of the run: ``best`` or ``last``.
        name: By which they are asked for; ``COUNTER-DATASET`` when empty.
        summary: What they count, in a line; counter and data set when empty.
        things: What is counted, in the plural.
        default_for: What they count by default, such as ``people``.
        terms: Terms of use.
        dataset: What it was trained on is called; the registered name of the data set when empty.
        tested_on: Splits beside the validation images that errors are measured on.
        front_end: What the front end started from; empty for random weights.
        command: What to type to train them again.
        url: Where the file will be on the web; None for beside the card.
        hf: Where it will be on the hub (``org/repo@revision/path``); None for beside the card.
        counter_options: Of the counter, in place of the run's; those that its weights fit as well.

    Raises:
        UsageError: ``dataset`` is a path.
    """

    weights: Literal["best", "last"] = "best"
    name: str = ""
    summary: str = ""
    things: str = "people"
    default_for: tuple[str, ...] = ()
    terms: str = ""
    dataset: str = ""
    tested_on: tuple[Split, ...] = ()
    front_end: str = ""
    command: str = "crowdkit train recipe.toml"
    url: str | None = None
    hf: str | None = None
    counter_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "/" in self.dataset or "\\" in self.dataset:
            raise UsageError(
                f"dataset {self.dataset!r} is a path, expected what the data set is called",
                hint="others read it in the card, and do not have your folders",
            )
