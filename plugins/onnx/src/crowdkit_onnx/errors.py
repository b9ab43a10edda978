"""The errors that counting without crowdkit raises on purpose, each one clear line."""


class CountingError(Exception):
    """A file cannot be counted, or not be counted with. Exit code 1."""


class UsageError(CountingError, ValueError):
    """The request itself is wrong. Exit code 2."""
