"""The answer's structures: plain mappings in the WSDL's order of elements, written as XML or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.simulator.wire.soap import add

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree


def append(parent: etree._Element, structure: Mapping[str, Any]) -> None:
    """Appends a structure's elements: a list is as many elements, what is None is not there."""
    for name, value in structure.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                append(add(parent, name), each)
            elif each is not None:
                add(parent, name, _text(each))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
