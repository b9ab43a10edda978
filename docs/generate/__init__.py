"""Pages made from what is installed and from the plugins' own pages, at every build of the docs."""

from pathlib import Path

from generate.formats import formats_page
from generate.interfaces import api_page, interface_pages
from generate.matrix import matrix_page
from generate.papers import paper_pages
from generate.recipes import recipes_page
from generate.weights import weights_page


def write_pages(docs: Path) -> None:
    """Bring ``docs/generated`` up to date.

    A page that has not changed is not written, so that Sphinx does not build it again.
    """
    folder = docs / "generated"
    pages = {
        **interface_pages(),
        **paper_pages(docs.parent, folder),
        "api.md": api_page(),
        "formats.md": formats_page(),
        "matrix.md": matrix_page(),
        "recipes.md": recipes_page(),
        "weights.md": weights_page(),
    }
    folder.mkdir(exist_ok=True)
    for stale in set(folder.iterdir()) - {folder / name for name in pages}:
        stale.unlink()
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
