"""Describe the machine and the software of a run, to be written beside its results."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import crowdkit_core
from crowdkit_core.registry.discovery import CORE, all_offers

if TYPE_CHECKING:  # slow to import
    import torch

LIBRARIES = ("torch", "torchvision", "timm", "kornia", "numpy", "scipy", "lightning-fabric")


def environment() -> dict[str, Any]:
    """Versions, machine, command and git commit of a run.

    Returns:
        Plain values under ``packages``, ``libraries``, ``python``, ``platform``, ``cpu``,
        ``cpu_count``, ``gpus``, ``cuda``, ``command``, ``git_commit`` and ``git_changes`` (both
        None outside a repository).
    """
    import torch

    return {
        "packages": {
            CORE: crowdkit_core.__version__,
            **{offer.distribution: offer.version for offer in all_offers()},
        },
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cpu_count": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "cuda": torch.version.cuda,
        "command": sys.argv,
        **_git_state(),
    }


def hardware(device: "torch.device | str") -> str:
    """A device in a line: the name of a GPU, or of the CPU with how many threads torch uses."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return f"{_cpu_name()}, {device.type}"
    threads = torch.get_num_threads()
    return f"{_cpu_name()}, {threads} thread{'s' * (threads > 1)}"


def _cpu_name() -> str:
    return _cpu_model() or platform.processor() or platform.machine()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return ""
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, "")


def _git_state() -> dict[str, Any]:
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--untracked-files=no") if commit else None
    return {"git_commit": commit, "git_changes": None if changes is None else bool(changes)}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, or no repository
        return None
    return done.stdout.strip()
