"""Name the folder of a run that is given none."""

from datetime import datetime
from pathlib import Path


def dated_folder(*names: str) -> Path:
    """``runs/DATE_TIME_NAME_...``: a new folder each time, sorted by when it was made."""
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    return Path("runs", "_".join([now, *names]))
