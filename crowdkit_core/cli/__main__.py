"""`python -m crowdkit_core.cli`."""

from crowdkit_core.cli import main

main()
