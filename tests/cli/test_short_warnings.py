"""A warning is a line on the command line, without the place in the code."""

import warnings

from crowdkit_core.cli.short_warnings import short_warnings


def test_a_warning_is_one_line() -> None:
    before = warnings.formatwarning
    with short_warnings():
        shown = warnings.formatwarning(UserWarning("no \x1b[2J net"), UserWarning, "file.py", 7)
    assert shown == "crowdkit: warning: no \\u001b[2J net\n"
    assert warnings.formatwarning is before
