"""The processes that ``torchrun`` started, which share the files of one task."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from torch import distributed

from crowdkit_core.errors import CrowdkitError

Item = TypeVar("Item")

LONGEST_WAIT = timedelta(days=20)
"""For the slowest process: their shares take as long as they take."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that work on one task.

    Attributes:
        rank: Its place among them, from 0.
        number: How many there are.
    """

    rank: int = 0
    number: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes and says what is said once."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """What falls to this process: every ``number``-th item.

        Example:
            >>> Processes(rank=1, number=3).share("abcdefgh")
            'beh'
        """
        return items[self.rank :: self.number]

    def from_first(self, value: Item) -> Item:
        """The value that the first process has."""
        values = [value]
        if self.number > 1:
            with _others_may_end():
                distributed.broadcast_object_list(values)
        return values[0]

    def gathered(self, value: Item) -> list[Item]:
        """The values of all processes by rank, on the first; elsewhere only the own one."""
        values = [value]
        if self.number > 1:
            values = [value] * self.number if self.is_first else []
            with _others_may_end():
                distributed.gather_object(value, values if self.is_first else None)
        return values if self.is_first else [value]


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started; without it there is only this one.

    Example:
        >>> with joined_processes() as processes:
        ...     print(processes)
        Processes(rank=0, number=1)
    """
    if not is_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield Processes()
        return
    distributed.init_process_group("gloo", timeout=LONGEST_WAIT)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def is_launched() -> bool:
    """Whether ``torchrun`` started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def rank_on_machine() -> int:
    """The place of this process among those of ``torchrun`` on its machine, from 0."""
    return int(os.environ["LOCAL_RANK"]) if is_launched() else 0


@contextmanager
def _others_may_end() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise CrowdkitError(
            "another of the processes ended before its share was done",
            hint="its own message says why",
        ) from error
