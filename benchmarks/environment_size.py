"""How many megabytes distributions take on the disk, with all that they require.

python benchmarks/environment_size.py crowdkit-onnx crowdkit-people
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def main() -> None:
    for name in sys.argv[1:]:
        names = required(name)
        sizes = {each: size_of(each) for each in names}
        largest = sorted(sizes, key=lambda each: -sizes[each])[:5]
        said = ", ".join(f"{each} {sizes[each] / 1e6:.0f}" for each in largest)
        print(f"{name}: {len(names)} distributions, {sum(sizes.values()) / 1e6:.0f} MB ({said})")


def required(name: str) -> set[str]:
    """Names of a distribution and of all that it requires without extras."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            requirements = map(Requirement, distribution(name).requires or ())
        except PackageNotFoundError:
            continue  # for another system
        found.add(name)
        waiting += [
            each.name
            for each in requirements
            if each.marker is None or each.marker.evaluate({"extra": ""})
        ]
    return found


def size_of(name: str) -> int:
    files = {Path(str(file.locate())).resolve() for file in distribution(name).files or ()}
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    main()
