"""Ask Slurm which jobs there still are."""

import subprocess
from collections.abc import Sequence

from crowdkit_core.errors import CrowdkitError

UNKNOWN_JOB = "Invalid job id"
"""What ``squeue`` says of a job that ended some time ago."""


def waiting_jobs(jobs: Sequence[str]) -> set[str]:
    """Those of some jobs that wait or run: ``squeue`` knows them, without accounting.

    Args:
        jobs: By number, ``1234`` or ``1234_5`` for a job of an array.

    Raises:
        CrowdkitError: Slurm does not answer.
    """
    if not jobs:
        return set()
    arrays = ",".join(sorted({job.partition("_")[0] for job in jobs}))
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={arrays}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CrowdkitError(
            f"{command[0]} cannot be run, so nobody knows which of the grid's jobs wait: {error}",
            hint="call crowdkit grid where the jobs were submitted",
        ) from error
    if done.returncode and UNKNOWN_JOB not in done.stderr:
        raise CrowdkitError(f"squeue failed: {done.stderr.strip() or done.returncode}")
    return set(done.stdout.split()) & set(jobs)
