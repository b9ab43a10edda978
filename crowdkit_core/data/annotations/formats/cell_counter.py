"""Cell Counter, the plugin of Fiji and ImageJ: the markers of an image in one XML file.

The plugin writes the pixel that was clicked, counted from 0, so a marker is the middle of that
pixel: half a pixel more than it says. The types of markers are labels, by their name. In a stack
``MarkerZ`` is the plane. The file names its image, and is called `CellCounter_` and that name.
"""

import re
from collections.abc import Sequence
from math import floor
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from crowdkit_core.data.annotations.formats.format import (
    DEFAULT_LABEL,
    Format,
    Listed,
    Reading,
    listed,
)
from crowdkit_core.data.annotations.formats.planes import of_planes
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tool_tables import PIXEL_CENTRE, image_of
from crowdkit_core.data.annotations.formats.xml_files import parse
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.annotations.names import folded, without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

_ROOT = "CellCounter_Marker_File"
_WINDOW = "Counter Window - "
"""Before the title of an image that the plugin has opened in a window of its own."""
_BARE = re.compile(r"&(?!#?\w+;)")


def fits(file: TextFile) -> bool:
    """Whether it is such XML."""
    return f"<{_ROOT}" in file.text


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each marker; its label is the name of its type.

    Raises:
        DataError: The file is something else, names another image than its own name does, or has
            markers on several planes.
    """
    root = parse(file, _BARE.sub("&amp;", file.text))  # the plugin does not escape names
    if root.tag != _ROOT:
        raise DataError(f"{file}: <{root.tag}>, expected <{_ROOT}>")
    marks, planes = [], []
    for kind in root.iterfind("Marker_Data/Marker_Type"):
        label = _text(kind, "Name") or f"Type {_text(kind, 'Type')}"
        for number, marker in enumerate(kind.iterfind("Marker"), 1):
            place = f"{label}, marker {number}"
            record = Record(file, place, {each.tag: (each.text or "").strip() for each in marker})
            x, y = record.number("MarkerX"), record.number("MarkerY")
            marks.append(Mark(x + PIXEL_CENTRE, y + PIXEL_CENTRE, label))
            planes.append((record.number("MarkerZ", 1.0),))
    left_out = of_planes(file, planes, reading.planes, first=1.0)
    name = _image(file, root, reading)
    return listed([MarkedImage(name=name, marks=tuple(marks), left_out=left_out)])


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """The markers of one image, on the pixels in which they lie."""
    (image,) = images
    root = Element(_ROOT)
    properties = SubElement(root, "Image_Properties")
    SubElement(properties, "Image_Filename").text = PurePosixPath(image.name).name
    data = SubElement(root, "Marker_Data")
    SubElement(data, "Current_Type").text = "0"
    labels = dict.fromkeys(mark.label or DEFAULT_LABEL for mark in image.marks)
    for number, label in enumerate(labels or [DEFAULT_LABEL], 1):
        kind = SubElement(data, "Marker_Type")
        SubElement(kind, "Type").text = str(number)
        SubElement(kind, "Name").text = label
        for mark in image.marks:
            if (mark.label or DEFAULT_LABEL) == label:
                marker = SubElement(kind, "Marker")
                SubElement(marker, "MarkerX").text = str(floor(mark.x))
                SubElement(marker, "MarkerY").text = str(floor(mark.y))
                SubElement(marker, "MarkerZ").text = "1"
    indent(root)
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _image(file: TextFile, root: Element, reading: Reading) -> str:
    """The image that the file names, or else that of which it has its name.

    Raises:
        DataError: It names another image than the one beside which it lies.
    """
    by_file = image_of(file, reading, FORMAT.named)
    title = _text(root, "Image_Properties/Image_Filename").removeprefix(_WINDOW)
    title = PurePosixPath(title.replace("\\", "/")).name
    if not title:
        return by_file
    if reading.image is not None:
        own, said = (folded(without_ending(each)) for each in (reading.image.name, title))
        if own not in said and said not in own:
            raise DataError(
                f"{file}: markers of image {shown(title)} in what is by its name the file of "
                f"{reading.image.name}"
            )
    return (PurePosixPath(by_file).parent / title).as_posix()


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


FORMAT = Format(
    title="Cell Counter of Fiji and ImageJ, an XML file per image",
    origin="In Fiji *Plugins*, *Analyze*, *Cell Counter*, *Save Markers*; *Load Markers* opens it"
    " again where the image has the name that the file says.",
    suffixes=(".xml",),
    fits=fits,
    read=read,
    write=write,
    per_image=True,
    named=("CellCounter_{}",),
    key=without_ending,
    carries=frozenset({"labels"}),
    precision=0.5,
    whole_at=PIXEL_CENTRE,
    example="""<?xml version="1.0" encoding="UTF-8"?>
<CellCounter_Marker_File>
 <Image_Properties><Image_Filename>a.tif</Image_Filename></Image_Properties>
 <Marker_Data>
  <Current_Type>0</Current_Type>
  <Marker_Type>
   <Type>1</Type>
   <Name>neuron</Name>
   <Marker><MarkerX>10</MarkerX><MarkerY>20</MarkerY><MarkerZ>1</MarkerZ></Marker>
  </Marker_Type>
 </Marker_Data>
</CellCounter_Marker_File>
""",
)
