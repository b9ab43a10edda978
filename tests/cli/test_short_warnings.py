"""A warning is a line on the command line, without the place in the code."""

import warnings

from crowdkit_core.cli.short_warnings import short_warnings


def test_a_warning_is_one_line(capsys) -> None:
    before = warnings.formatwarning
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with short_warnings():
            warnings.showwarning(UserWarning("no \x1b[2J network"), UserWarning, "file.py", 7)
    assert capsys.readouterr().err == "crowdkit: warning: no \\u001b[2J network\n"
    assert warnings.formatwarning is before
