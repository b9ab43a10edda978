"""Bring corrected annotations of some images into those of a whole set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crowdkit_core.data.annotations.marks import MarkedImage
from crowdkit_core.data.annotations.names import ImageNames
from crowdkit_core.data.annotations.sizes import by
from crowdkit_core.errors import DataError, SizeMismatchError, shown

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a correction changed.

    Attributes:
        replaced: Number of points before and now, of each image that the correction speaks of.
        added: Number of points of each image that was not there before.
        unchanged: Number of points of each image that the correction does not speak of.
    """

    replaced: Mapping[str, tuple[int, int]]
    added: Mapping[str, int]
    unchanged: Mapping[str, int]


def update_annotations(
    images: Sequence[MarkedImage],
    corrected: Sequence[MarkedImage],
    *,
    add: bool = False,
    source: str | Path = "the correction",
) -> tuple[list[MarkedImage], Update]:
    """Replace all marks of the images that a correction speaks of; leave the others as they are.

    An image that the correction lists without marks has none any more. It keeps its name and its
    split. Names are matched as those of files are: folders and ending may be left out on either
    side where no two images are meant then.

    Args:
        images: The annotations so far, each name once.
        corrected: What is right of some of the images, each once.
        add: Images that are not among ``images`` are added at the end.
        source: The correction, named in errors.

    Returns:
        The images in their order, and what changed.

    Raises:
        DataError: The correction has an image that is unknown and not to be added, may be several,
            or is there twice.
        SizeMismatchError: Both state the size of an image, and not the same.

    Example:
        >>> from crowdkit_core.data.annotations import Mark
        >>> old = [MarkedImage(name=name, marks=(Mark(1.0, 2.0),)) for name in ("a.jpg", "b.jpg")]
        >>> new, update = update_annotations(old, [MarkedImage(name="b.jpg", marks=())])
        >>> [len(image.marks) for image in new], update.replaced
        ([1, 0], {'b.jpg': (1, 0)})
    """
    owners = _owners(images, corrected, source)
    unknown = [image for image in corrected if image.name not in owners]
    if unknown and not add:
        names = ", ".join(shown(image.name) for image in unknown[:_NAMED])
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        raise DataError(
            f"{source}: not in the annotations to be corrected: {names}{more}",
            hint="add them as new images with `--add` (Python: `add=True`), or give the folder of "
            "the images (`--images DIR`) if they are only named otherwise",
        )
    by_owner = {owners[image.name]: image for image in corrected if image.name in owners}
    updated = [
        _corrected(image, by_owner[image.name], source) if image.name in by_owner else image
        for image in images
    ]
    before = {image.name: len(image.marks) for image in images}
    return [*updated, *unknown], Update(
        replaced={name: (before[name], len(new.marks)) for name, new in by_owner.items()},
        added={image.name: len(image.marks) for image in unknown},
        unchanged={name: number for name, number in before.items() if name not in by_owner},
    )


def _owners(
    images: Sequence[MarkedImage], corrected: Sequence[MarkedImage], source: str | Path
) -> Mapping[str, str]:
    """Which image each corrected one is, by names; those that are none are left out."""
    known = ImageNames(image.name for image in images)
    new = ImageNames(image.name for image in corrected)
    meant = {image.name: list(known.find(image.name)) for image in corrected}
    for image in images:  # the correction may have folders or endings that the old names lack
        for name in new.find(image.name):
            if image.name not in meant[name]:
                meant[name].append(image.name)
    owners: dict[str, str] = {}
    corrects: dict[str, str] = {}
    for name, matches in meant.items():
        if len(matches) > 1:
            raise DataError(f"{source}: {name!r} may be {matches[0]} or {matches[1]}")
        for match in matches:
            if match in corrects:
                raise DataError(f"{source}: {corrects[match]!r} and {name!r} are both {match}")
            corrects[match] = name
            owners[name] = match
    return owners


def _corrected(old: MarkedImage, new: MarkedImage, source: str | Path) -> MarkedImage:
    """The new marks under the old name; what only one of them states is kept."""
    if old.size is not None and new.size is not None and old.size != new.size:
        raise SizeMismatchError(
            f"{source} ({new.name}): annotated at {by(new.size)} pixels, before at {by(old.size)}",
            hint="were the corrections made on a resized copy of the image?",
        )
    return replace(
        new,
        name=old.name,
        size=new.size or old.size,
        split=old.split or new.split,
        file=old.file or new.file,
    )
