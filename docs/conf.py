"""Sphinx configuration."""

import builtins
import sys
from pathlib import Path

from sphinx import addnodes

sys.path.insert(0, str(Path(__file__).parent))
from generate import write_pages

project = "crowdkit"
author = "The crowdkit developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "crowdkit"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]


def setup(app):
    """Write the generated pages before Sphinx looks for pages."""
    app.connect("config-inited", lambda *_: write_pages(Path(__file__).parent))
    app.connect("doctree-read", unlink_builtins)


def unlink_builtins(_, document):
    """Leave types of Python as text: Sphinx would link ``bytes`` to any attribute of the name."""
    for reference in list(document.findall(addnodes.pending_xref)):
        if reference.get("refdomain") == "py" and hasattr(builtins, reference["reftarget"]):
            reference.replace_self(reference.children)
