"""Match names of images in annotation files to the images they mean."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from crowdkit_core.data.files import IMAGE_SUFFIXES


def without_ending(name: str) -> str:
    """The name without the ending of an image file.

    Example:
        >>> without_ending("night/a.JPG"), without_ending("frame.12")
        ('night/a', 'frame.12')
    """
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in IMAGE_SUFFIXES else name


def aliases(names: Iterable[str]) -> Mapping[str, list[str]]:
    """List the images that each name may mean: paths mean themselves, shorter names all they fit.

    A path's folders and its ending may be left out.

    Example:
        >>> aliases(["day/1.jpg", "night/1.jpg"])["1"]
        ['day/1.jpg', 'night/1.jpg']
    """
    whole = {name: [name] for name in names}
    shorter: defaultdict[str, list[str]] = defaultdict(list)
    for name in whole:
        file = PurePosixPath(name).name
        for alias in {without_ending(name), file, without_ending(file)} - whole.keys():
            shorter[alias].append(name)
    return shorter | whole
