"""Hypothesis draws the same examples on every machine of a CI, and new ones elsewhere.

Tests do not see the weights of whoever runs them.
"""

import os
import tempfile
from pathlib import Path

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

os.environ["CROWDKIT_WEIGHTS"] = str(Path(tempfile.gettempdir()) / f"no-weights-{os.getpid()}")
