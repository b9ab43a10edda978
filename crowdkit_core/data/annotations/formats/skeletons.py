"""Find the head among the keypoints of a person."""

from collections.abc import Sequence
from typing import NamedTuple

HEADS = ("head", "nose")
"""Keypoints that may be the head, the best one first."""


class Keypoint(NamedTuple):
    """A named point of a person.

    Attributes:
        name: Empty where it has none.
        x: As the file states it.
        y: Likewise.
        visible: Whether it was marked.
    """

    name: str
    x: float
    y: float
    visible: bool


def heads(keypoints: Sequence[Keypoint]) -> Sequence[Keypoint]:
    """Those that may be the head, the best one first, visible or not: the only one is it."""
    if len(keypoints) == 1:
        return keypoints
    return [each for name in HEADS for each in keypoints if each.name.casefold() == name]


def head_of(keypoints: Sequence[Keypoint]) -> Keypoint | None:
    """The best one that is visible.

    Example:
        >>> head_of([Keypoint("nose", 1, 2, True), Keypoint("head", 1, 1, False)]).name
        'nose'
    """
    return next((each for each in heads(keypoints) if each.visible), None)
