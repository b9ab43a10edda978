"""What to take from files that hold more than one plain image."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from crowdkit_core.data.files.stacks import ALL_FRAMES, Selection, decided_range
from crowdkit_core.inference.sources.span import Span
from crowdkit_core.interfaces import ValueRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which images of a file are counted, and how its values become pixels.

    Attributes:
        every: From one counted frame of a clip or stream to the next; None counts them all.
        selection: The frames, the channel and the projection.
        value_range: What becomes black and white in files of more than 8 bits, such as the range
            that the counter was trained on; None for one that the files decide together.
    """

    every: Span | None = None
    selection: Selection = ALL_FRAMES
    value_range: ValueRange | None = None

    def decided(self, files: Iterable[str | Path]) -> "Reading":
        """The same with a range that some files decide together, if none is known."""
        if self.value_range is not None:
            return self
        decided = decided_range(files, self.selection)
        return self if decided is None else replace(self, value_range=decided.values)


AS_STORED = Reading()
"""Everything that is in a file."""
