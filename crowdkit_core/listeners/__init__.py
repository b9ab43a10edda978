"""Listeners that crowdkit ships: a progress bar and a log of the run."""
