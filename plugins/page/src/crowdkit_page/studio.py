"""What all visitors of one page share: sessions, models and queues."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crowdkit_page.counting import Models, Offered, offered_weights
from crowdkit_page.limits import Limits
from crowdkit_page.session import Sessions
from crowdkit_page.work import Queue


@dataclass(frozen=True, kw_only=True)
class Studio:
    """What all visitors share.

    Attributes:
        sessions: By visitor.
        models: Loaded weights.
        runs: Holds a folder for each training.
        files: Weights named where the page was started.
        counting: Counts, one photo after the other.
        pictures: Reads and draws photos, one after the other.
        training: Trains, one visitor after the other.
    """

    sessions: Sessions
    models: Models
    runs: Path
    files: Sequence[str] = ()
    counting: Queue = field(default_factory=lambda: Queue("counting"))
    pictures: Queue = field(default_factory=lambda: Queue("pictures"))
    training: Queue = field(default_factory=lambda: Queue("training", most_waiting=4))

    @property
    def limits(self) -> Limits:
        """What is taken from a visitor."""
        return self.sessions.limits

    def weights(self) -> list[Offered]:
        """What can be chosen now; newly trained weights are among them."""
        return offered_weights(self.files)

    def close(self) -> None:
        """Stop working, and remove all uploads."""
        for session in self.sessions:
            if session.training is not None:
                session.training.stop()
        for queue in (self.counting, self.pictures, self.training):
            queue.close()
        self.sessions.close()
