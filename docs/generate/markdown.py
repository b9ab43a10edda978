"""Write Markdown as MyST reads it."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: str) -> str:
    """Literal text; nothing where there is none."""
    return f"`{text}`" if text else ""


def listing(text: str, language: str = "text") -> str:
    """A block of literal text."""
    return f"```{language}\n{text.rstrip()}\n```"


def page(*parts: str) -> str:
    """Paragraphs, tables and listings one after the other."""
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
