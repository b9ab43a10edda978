"""Show the terms of use of weights to everyone who uses them, once."""

import hashlib
import os
import sys

from crowdkit_core.cards.cache import cache_folder
from crowdkit_core.files import atomic_write
from crowdkit_core.printable import printable


def show_terms_once(terms: str, label: str) -> None:
    """Print terms on standard error, unless this user has seen the same text before.

    That they were shown is noted in the cache; where it cannot be written, they are shown each
    time.

    Args:
        terms: Of a card; empty for none.
        label: Whose they are.
    """
    terms = terms.strip()
    if not terms:
        return
    seen = cache_folder() / "terms" / hashlib.sha256(terms.encode()).hexdigest()
    if os.path.exists(seen):
        return
    shown = printable(terms, keep="\n\t")
    print(f"terms of use of {label}:\n{shown}", file=sys.stderr)
    try:
        with atomic_write(seen) as temporary:
            temporary.write_text(terms, encoding="utf-8")
    except OSError:
        pass  # no reason not to count
