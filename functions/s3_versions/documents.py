"""The XML that S3 answers with. Pure."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from functions.errors import DrillError


class UnreadableAnswer(DrillError):
    """When an answer is not a whole XML document as S3 writes it."""


def root(text: str | bytes) -> Element:
    """The root of a document.

    >>> name(root("<Tagging xmlns='http://s3.amazonaws.com/doc/2006-03-01/'/>"))
    'Tagging'

    Raises UnreadableAnswer for what is no whole document, or declares a type or entities.
    """
    declared = ("<!DOCTYPE", "<!ENTITY")
    if any(word in text if isinstance(text, str) else word.encode() in text for word in declared):
        raise UnreadableAnswer("it declares a document type: expected none")
    try:
        return ElementTree.XML(text)
    except ElementTree.ParseError as error:
        raise UnreadableAnswer(f"{error}: expected a whole document") from error


def name(element: Element) -> str:
    """An element's name, whichever namespace it is in."""
    return element.tag.rpartition("}")[2]


def texts(element: Element) -> dict[str, str]:
    """The texts of an element's children by name.

    >>> texts(root("<Tag><Key>a</Key><Value/></Tag>"))
    {'Key': 'a', 'Value': ''}
    """
    return {name(child): child.text or "" for child in element}
