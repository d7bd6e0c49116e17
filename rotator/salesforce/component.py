"""A component as an org sent it: looked at here and there, changed in one place, and sent back as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from lxml import etree

from rotator.net.shapes import WrongShape
from rotator.salesforce.faults import in_shape, not_in_shape
from rotator.salesforce.soap import (
    child_of,
    copied,
    is_nil,
    prefixes_of_types,
    qualified,
    set_type,
    text_of,
    texts_of,
    type_of,
    type_of_file,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager


def nothing_to_note() -> None:
    """For whoever notes nothing before one is written."""


class Component:
    """What stands in it is not understood any further than it is asked for.

    So what this program does not know, because it is newer or of another edition, comes back to the org as it was read:
    in its order, with what is empty and what is nil.
    """

    def __init__(self, org: str, element: etree._Element, *, file: str = "") -> None:
        """`org` is for errors. Raises WrongShape when the element says neither type nor name.

        One of a `file` has its name by that, and its type by the element's own name; it is there to be looked at.
        """
        self.org: Final = org
        self.metadata_type: Final = type_of_file(element) if file else type_of(element)
        self.full_name: Final = file or text_of(element, "fullName")
        if not (self.metadata_type and self.full_name):
            raise WrongShape("what must be a component says neither type nor name")
        self._element: Final = element

    def __repr__(self) -> str:
        return f"Component({self.metadata_type} {self.full_name})"

    def text(self, *path: str) -> str:
        """A text, by the names on the way to it; empty where there is none.

        Raises AnswerLost when there is anything else, or more than one of a name: that is no answer of the API.
        """
        try:
            parent = self._at(path[:-1])
            return "" if parent is None else text_of(parent, path[-1])
        except WrongShape as error:
            raise not_in_shape(error, self.org, of=self.full_name) from None

    def texts(self, group: str, *names: str) -> list[str]:
        """Some texts in a group, each as `text` gives it, found in one pass."""
        try:
            parent = self._at((group,))
            return [""] * len(names) if parent is None else texts_of(parent, *names)
        except WrongShape as error:
            raise not_in_shape(error, self.org, of=self.full_name) from None

    def has(self, *path: str) -> bool:
        """Whether there is such an element, and it is not nil. Raises AnswerLost as `text` does."""
        with self._in_shape():
            return self._at(path) is not None

    def fields(self) -> dict[str, object]:
        """All that has a value, by name: a text, a group (again by name), or a list of either."""
        return _fields(self._element)

    def copy(self) -> Self:
        """Another one, to change it."""
        return type(self)(self.org, copied(self._element, self._element.tag))

    def put(self, text: str, *path: str, after: Collection[str]) -> None:
        """Puts a text into an element, and the element where it belongs if it is not there.

        Its group must be there; `after` are the names that come before it in the group (the WSDL's order: Salesforce
        drops what is out of order without a word). Raises AnswerLost as `text` does.
        """
        name = qualified(path[-1])
        with self._in_shape():
            group = self._at(path[:-1])
            if group is None:
                raise WrongShape(f"{path[-2]} is missing")
            there = list(group.iterchildren(name))
            if len(there) > 1:
                raise WrongShape(f"{path[-1]} is there {len(there)} times")
        if there:
            [target] = there
            # It may be nil, and hold nothing of which anybody knows.
            for attribute in list(target.attrib):
                del target.attrib[attribute]
            del target[:]
        else:
            target = group.makeelement(name)
            before = [at for at, child in enumerate(group) if etree.QName(child).localname in after]
            group.insert(before[-1] + 1 if before else 0, target)
        target.text = text

    def drop(self, *path: str) -> None:
        """Takes out an element, nil or not, if there is one."""
        with self._in_shape():
            group = self._at(path[:-1])
        if group is not None:
            for child in list(group.iterchildren(qualified(path[-1]))):
                group.remove(child)

    def sent_as(self, name: str) -> etree._Element:
        """All of it, as an element of another name in a request."""
        if text_of(self._element, "fullName") != self.full_name:
            raise ValueError("a file does not say whose it is")
        sent = copied(self._element, qualified(name))
        for ours, theirs in zip(sent.iter(), self._element.iter(), strict=True):
            # A type is told by a prefix, and prefixes are the answer's.
            if said := type_of(theirs):
                set_type(ours, said)
        return sent

    def in_file(self) -> etree._Element:
        """All of it as the root of a file, which tells no name, and of what is nil nothing (as retrieved ones do)."""
        root = self.sent_as(self.metadata_type)
        root.attrib.clear()
        for each in [root.find(qualified("fullName")), *filter(is_nil, root.iter())]:
            parent = None if each is None else each.getparent()
            if each is not None and parent is not None:
                parent.remove(each)
        etree.cleanup_namespaces(root, keep_ns_prefixes=prefixes_of_types(root))
        return root

    def _at(self, path: tuple[str, ...]) -> etree._Element | None:
        """Raises WrongShape."""
        element: etree._Element | None = self._element
        for name in path:
            if element is None:
                break
            element = child_of(element, name)
        return element

    def _in_shape(self) -> AbstractContextManager[None]:
        return in_shape(self.org, of=self.full_name)


def _fields(group: etree._Element) -> dict[str, object]:
    found: dict[str, list[object]] = {}
    for child in group:
        if not is_nil(child):
            found.setdefault(etree.QName(child).localname, []).extend(_values(child))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items() if values}


def _values(element: etree._Element) -> Iterator[object]:
    """The value of an element, if it has one."""
    value = _fields(element) if len(element) else element.text
    if value:
        yield value
