"""The command line: `crowdkit`. Commands import torch only when they run."""

from crowdkit_core.cli.app import main

__all__ = ["main"]
