"""Make text fit to be shown: what controls a terminal is written out."""

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: escape sequences, bells, backspaces
    "\u2028\u2029"  # line and paragraph separators
    "\u202a-\u202e\u2066-\u2069"  # text in another direction, which can hide what follows
    "\ud800-\udfff]"  # bytes of file names that are no text
)


def printable(text: str, *, keep: str = "") -> str:
    r"""Text with each character that is not shown as itself written as ``\u`` and its number.

    Names of files, components and labels come from others: shown raw they could move the cursor,
    change what was printed before, or begin a line of their own.

    Args:
        text: From anywhere.
        keep: Characters that stay, such as a newline.

    Example:
        >>> printable("a\x1b[2Jb")
        'a\\u001b[2Jb'
    """
    return _UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text
    )


def mebibytes(number: int) -> str:
    """A number of bytes for people.

    Example:
        >>> mebibytes(3 * 1024 * 1024)
        '3 MiB'
    """
    return f"{number / 2**20:.0f} MiB"
