"""What is no file on this machine: streams by their URL, cameras by their number."""

import re
from dataclasses import dataclass
from pathlib import Path

_URL = re.compile(r"(https?|rtsps?|rtmps?|rtp|udp|tcp|srt)://.+", re.IGNORECASE)
_CAMERA = re.compile(r"(camera:|/dev/video)?(?P<number>\d{1,3})", re.ASCII)
_PASSWORD = re.compile(r"(?<=://)[^/?#@]*@")


@dataclass(frozen=True, slots=True)
class Address:
    """A clip or stream elsewhere.

    Attributes:
        url: In full; as text it is shown without a user's name and password.
    """

    url: str

    def __str__(self) -> str:
        return _PASSWORD.sub("", self.url)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of this machine.

    Attributes:
        number: As the system counts them, from 0.
    """

    number: int

    def __str__(self) -> str:
        return f"camera:{self.number}"


Source = Path | Address | Camera
"""A file, or what is none."""

SourceLike = str | int | Source
"""A path, a URL, the number of a camera, or ``camera:0``."""


def as_address(source: SourceLike) -> Address | Camera | None:
    """The stream or camera that is meant; None for a path.

    A number is a camera unless a file has that name.

    Example:
        >>> print(as_address("rtsp://guard:secret@entrance/live"), as_address(0))
        rtsp://entrance/live camera:0
        >>> as_address("clip.mp4") is None
        True
    """
    if isinstance(source, Address | Camera):
        return source
    if _URL.fullmatch(str(source)):
        return Address(str(source))
    camera = _CAMERA.fullmatch(str(source))
    if camera is None or Path(str(source)).is_file() or Path(str(source)).is_dir():
        return None
    return Camera(int(camera["number"]))
