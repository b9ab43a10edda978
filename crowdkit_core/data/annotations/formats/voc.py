"""Pascal VOC: an XML file of boxes for each image, as labelImg writes it.

The file belongs to the image of its own name; the name in it is often an older one and does not
count. The numbers are taken as pixels from the image's top left corner, as labelImg means them; VOC
itself counts pixels from 1, half a pixel apart. A size of 0 is one that the tool did not know.
"""

from collections import Counter
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record, facts
from crowdkit_core.data.annotations.formats.xml_files import parse
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import folded, without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

_ROOT = "annotation"
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_READ = frozenset({"name", "bndbox", "part", "polygon"})
_SAYS_NOTHING = ("0", "Unspecified", None)


def fits(file: TextFile) -> bool:
    """Whether the file is such XML."""
    return parse(file).tag == _ROOT


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each box.

    Raises:
        DataError: The file is something else.
    """
    root = parse(file)
    if root.tag != _ROOT:
        raise DataError(f"{file}: <{root.tag}>, expected <{_ROOT}>")
    left_out = Counter({"other names of images": int(_is_named_otherwise(file, root))})
    marks = [
        _mark(file, f"object {number}", element, reading.point, left_out)
        for number, element in enumerate(root.findall("object"), 1)
    ]
    size = _children(file, "size", root.find("size")).size("height", "width")
    name = file.path.relative_to(reading.folder).with_suffix("").as_posix()
    return listed([MarkedImage(name=name, marks=tuple(marks), size=size, left_out=+left_out)])


def _is_named_otherwise(file: TextFile, root: Element) -> bool:
    name = PurePosixPath((root.findtext("filename") or file.path.stem).replace("\\", "/")).name
    own = {folded(each) for each in (file.path.stem, without_ending(file.path.stem))}
    return own.isdisjoint({folded(name), folded(without_ending(name))})


def _mark(
    file: TextFile, place: str, element: Element, point: BoxPoint, left_out: Counter[str]
) -> Mark:
    said = _children(file, place, element)
    box = element.find("bndbox")
    if box is None:
        raise said.error("no <bndbox>; turned boxes and other shapes cannot be read")
    sides = _children(file, f"{place}, bndbox", box)
    left, top, right, bottom = (sides.number(side) for side in _SIDES)
    if right < left or bottom < top:
        raise sides.error(
            f"from ({left:g}, {top:g}) to ({right:g}, {bottom:g}), expected the upper left and the "
            "lower right corner"
        )
    left_out["outlines"] += element.find("polygon") is not None
    left_out["parts"] += len(element.findall("part"))
    for name, value in said.values.items():
        if name not in _READ and value not in _SAYS_NOTHING:
            left_out[name] += facts(value)
    return Mark.of_box(
        sides.box([(left, top), (right, bottom)]), point, label=said.text("name", "")
    )


def _children(file: TextFile, place: str, element: Element | None) -> Record:
    """The texts of an element's children, by their tags."""
    children = [] if element is None else list(element)
    return Record(file, place, {child.tag: (child.text or "").strip() for child in children})


FORMAT = Format(
    title="Pascal VOC, an XML file of boxes per image",
    origin="labelImg saves it beside each image; in CVAT *Export task dataset*, *PASCAL VOC*;"
    " Roboflow, Label Studio and Make Sense have one too.",
    suffixes=(".xml",),
    fits=fits,
    read=read,
    write=None,
    per_image=True,
    key=without_ending,
    carries=frozenset({"labels", "boxes", "image sizes"}),
)
