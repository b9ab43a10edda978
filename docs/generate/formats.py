"""The page of annotation formats: what each carries, and how to get it out of its tool."""

import inspect
import re
import sys

from crowdkit_core.data.annotations import FORMATS, Format, FormatName
from generate.markdown import code, listing, page, table

COMMANDS = """
# from one format to another: IN is recognised by what it holds
crowdkit data convert annotations.xml annotations.csv
# a folder of images, with whatever annotates them in it
crowdkit data convert photos points.csv
# a folder of one file per image; sizes and full names come from the images
crowdkit data convert points.csv labelme-files --to labelme --images photos
# boxes of whole people: the head is in the middle of the upper edge
crowdkit data convert instances.json people.csv --head top --label person
# a published data set, all its splits or one
crowdkit data convert --dataset shanghaitech --set dataset.root=DIR shanghaitech.json --to coco
crowdkit data convert --dataset jhu --set dataset.root=DIR --split test jhu-test.xml
# a microscope's positions in µm: the side of a pixel is 0.325 µm
crowdkit data convert measurements.tsv cells.csv --pixel-size 0.325
# cells marked on any slice of a stack, for its projection
crowdkit data convert CellCounter_a.xml a.csv --planes all
# corrections of some images, exported from a labelling tool, into the annotations of all
crowdkit data convert all.csv all-corrected.csv --update corrections.json
# look for mistakes before training
crowdkit data check photos --annotations annotations.xml
"""

FACTS = ("labels", "scores", "boxes", "image sizes", "splits")


def formats_page() -> str:
    """Every format in a table, then a section for each."""
    rows = [
        (
            f"[`{name}`](#{name})",
            each.title,
            f"folder of {each.suffix}" if each.per_image else f"{each.suffix} file",
            *("✓" * (fact in each.carries) for fact in FACTS),
        )
        for name, each in FORMATS.items()
    ]
    return page(
        "# Formats of annotation tools",
        "Points in any of these can be trained on, evaluated and converted: the dataset"
        " [`folder`](datasets.md#folder) reads them, `crowdkit count --annotations` and"
        " `crowdkit data convert` write them, and `crowdkit score` scores them. A file"
        " is recognised by what it holds. Every format carries every point; what else it carries"
        " is ticked. What a conversion cannot carry it lists, with how often it was there.",
        table(("format", "what it is", "where", *FACTS), rows),
        "## Convert and check",
        listing(COMMANDS.strip(), "bash"),
        "Where only a box is marked, the head is its centre, or with `--head top` (of `folder`:"
        " `point`) the middle of its upper edge. A data set's heads get boxes where it knows how"
        " large they are; its regions of interest and groups have no place in any format and are"
        " among what is listed.",
        "Programs of microscopy count pixels from the middle of the first one or from its corner;"
        " each section says which, and reading makes corners of them. Positions in micrometres"
        " are refused until the size of a pixel is said: `--pixel-size`, of a dataset"
        " `pixel_size`. Points on several planes of a stack are those of several pictures, and are"
        " refused unless `--planes all` says that they belong to one.",
        "With `--update CORRECTED`, an image that the correction speaks of has the correction's"
        " points and no others; the rest stays as it was, and the numbers of images and points"
        " replaced, added and unchanged are printed (with `--json`, image by image). Images that"
        " are new are an error, unless `--add` is given. In Python it is `convert(...,"
        " update=...)`, or `update_annotations` for images already read.",
        "Where a file states the size of an image, another size of the image itself is an error:"
        " points on a resized copy, or on a photo without the turn that its EXIF orientation asks"
        " for, are elsewhere. VIA, YOLO, VisDrone and lists of points state no size.",
        *(part for name, each in FORMATS.items() for part in _section(name, each)),
    )


def _section(name: FormatName, chosen: Format) -> tuple[str, ...]:
    return (
        f"## {name}",
        f"{chosen.title}, {_ways(chosen)} as {code(name)}.",
        chosen.origin,
        _about(sys.modules[chosen.read.__module__].__doc__),
        f"Reading gives: {_first_lower(_about_reading(chosen))}",
        _limits(chosen),
        *_example(chosen),
    )


def _ways(chosen: Format) -> str:
    return "read" if chosen.write is None else "read and written"


def _example(chosen: Format) -> tuple[str, ...]:
    if not chosen.example:
        return ()
    names = " or ".join(code(f"{each.format('a')}{chosen.suffix}") for each in chosen.named)
    called = f", called {names} beside `a.tif`" if chosen.per_image else ""
    return f"An example{called}:", listing(chosen.example.rstrip("\n"), "text")


def _about(docstring: str | None) -> str:
    """What a module says after its first line."""
    return (docstring or "").partition("\n")[2].strip()


def _about_reading(chosen: Format) -> str:
    """What is a mark, and where its head is."""
    return re.split(r"^Raises:$", inspect.getdoc(chosen.read) or "", flags=re.MULTILINE)[0].strip()


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _limits(chosen: Format) -> str:
    limits = []
    if chosen.write is None:
        return ""
    if chosen.needs_sizes:
        limits.append("Written in per cent of the image, whose size must be known: `--images DIR`.")
    if chosen.write and "boxes" in chosen.carries and not chosen.carries_any_box:
        limits.append("A box is written where its centre is the point, elsewhere the point alone.")
    if chosen.precision >= 0.5:
        where = "the middle of their pixel" if chosen.whole_at else "whole pixels"
        limits.append(f"Points are moved to {where}.")
    if chosen.key("a/b.jpg") != "a/b.jpg":
        limits.append(f"Images are told apart as `{chosen.key('a/b.jpg')}` for `a/b.jpg`.")
    return " ".join(limits)
