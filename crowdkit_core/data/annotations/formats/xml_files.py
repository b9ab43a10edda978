"""Parse XML files of which nothing is executed or fetched."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError


def parse(file: TextFile, text: str | None = None) -> Element:
    """The root of an XML file without document type, entities or references to other files.

    Args:
        file: The file.
        text: What is parsed, where that is not the file as it is.

    Raises:
        DataError: The file is no XML, or has any of those.
    """
    try:
        root: Element = fromstring(file.text if text is None else text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(f"{file}: declares a document type or entities: refused") from error
    except (ParseError, ValueError) as error:
        raise DataError(f"{file}: not XML: {error}") from error
    return root
