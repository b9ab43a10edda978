"""Parse XML that may be hostile."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError


def parse(file: TextFile) -> Element:
    """The root of an XML file without document type, entities or references to other files.

    Raises:
        DataError: The file is no XML, or has any of those.
    """
    text = file.text
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(f"{file}: declares a document type or entities: refused") from error
    except (ParseError, ValueError) as error:
        raise DataError(f"{file}: not XML: {error}") from error
    return root
