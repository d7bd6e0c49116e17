"""The part of the Metadata API's WSDL that is used here: to parse all of it takes a quarter of a second and 30 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_SCHEMA: Final = "{http://www.w3.org/2001/XMLSchema}"
_OURS: Final = "tns:"
"""The prefix of the WSDL's own names in it."""


def reduced(wsdl: Path, kinds: Iterable[str]) -> bytes:
    """The WSDL with all its operations, and of the types only those that they or one of `kinds` refer to.

    What derives from `Metadata` is referred to by nothing: an answer names it, when it was asked for by name.
    """
    root = etree.parse(wsdl, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)).getroot()
    (schema,) = root.iter(f"{_SCHEMA}schema")
    types = {str(node.get("name")): node for node in schema if node.tag != f"{_SCHEMA}element"}
    elements = (name for node in schema.iterchildren(f"{_SCHEMA}element") for name in _references(node))
    needed = _closure({*kinds, *elements}, types)
    for name, node in types.items():
        if name not in needed:
            schema.remove(node)
    return etree.tostring(root)


def _closure(names: set[str], types: Mapping[str, etree._Element]) -> set[str]:
    """The names, and all that they refer to."""
    found, left = set[str](), names
    while left:
        found |= left
        left = {name for known in left for name in _references(types[known])} - found
    return found


def _references(node: etree._Element) -> Iterator[str]:
    for part in node.iter():
        for attribute in ("type", "base"):
            name = part.get(attribute) or ""
            if name.startswith(_OURS):
                yield name.removeprefix(_OURS)
