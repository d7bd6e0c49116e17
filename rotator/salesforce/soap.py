"""Calls to the Metadata API's SOAP end: element trees out, element trees in, and no schema in between."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from threading import local
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from rotator.net.limits import KILOBYTE
from rotator.net.shapes import WrongShape
from rotator.salesforce.faults import from_fault, from_status
from rotator.salesforce.record_values import is_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.core.secret import Secret
    from rotator.net.answer import Answer
    from rotator.salesforce.transport import Transport

API_VERSION: Final = "66.0"
"""Of reads, writes and queries alike (Spring '26). What is in the schema of a write's version and not in the write is
reset, so a write may not be of a newer version than the read whose answer it sends back."""

METADATA: Final = "http://soap.sforce.com/2006/04/metadata"
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"

MOST_TAGS: Final = 500_000
"""In one answer, beginnings and ends of elements together. An element of four characters takes a hundred times as much
memory, and all threads wait while it is looked at."""

MOST_ATTRIBUTES: Final = 100_000
"""In one answer; a real one has a few for each component."""

SMALL: Final = 256 * KILOBYTE
"""Of an answer that says how something went."""

_NIL: Final = f"{{{INSTANCE}}}nil"
_TYPE: Final = f"{{{INSTANCE}}}type"
_PREFIXES: Final[Any] = {"e": ENVELOPE, "xsi": INSTANCE, None: METADATA}
"""In a request. lxml takes None for what has no prefix; its stubs do not."""
_NO_PREFIX: Final[Any] = {None: METADATA}

_HEADERS: Final = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


def call(
    org: str,
    transport: Transport,
    instance_url: str,
    token: Secret,
    operation: str,
    content: Iterable[etree._Element],
    size: int = SMALL,
) -> list[etree._Element]:
    """One call, made once, with these elements in this order; gives what it is answered, without what is nil.

    `size`: bytes that the answer may have. Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults`
    and Transport say. Safe in threads.
    """
    address = f"{instance_url}/services/Soap/m/{API_VERSION}"
    response = transport.post_bytes(address, _envelope(token, operation, content), _HEADERS, size=size)
    # Faults come with HTTP 500 and as XML; all else that is not 200 was said by something in front of the API.
    is_fault = response.status_code == 500 and "xml" in response.headers.get("Content-Type", "")
    if response.status_code != 200 and not is_fault:
        raise from_status(org, response.status_code)
    try:
        return _results(org, operation, response)
    except WrongShape as error:
        raise from_status(org, response.status_code, why=str(error)) from None


def element(name: str, *content: str | etree._Element) -> etree._Element:
    """An element of the Metadata API, with a text or with elements in it."""
    made = etree.Element(qualified(name), nsmap=_NO_PREFIX)
    for part in content:
        if isinstance(part, str):
            made.text = part
        else:
            made.append(part)
    return made


def add_texts(parent: etree._Element, name: str, texts: Iterable[str]) -> etree._Element:
    """Adds an element of this name with each text: thousands that are made where they belong, and not moved there."""
    tag = qualified(name)
    for each in texts:
        etree.SubElement(parent, tag).text = each
    return parent


def qualified(name: str) -> str:
    """A name of the Metadata API's, as lxml writes it."""
    return f"{{{METADATA}}}{name}"


def is_nil(element: etree._Element) -> bool:
    """Whether the element says that there is nothing (XML Schema, xsi:nil)."""
    return element.get(_NIL) in {"true", "1"}


def children(parent: etree._Element, name: str) -> list[etree._Element]:
    """The elements of this name in another, without those that are nil."""
    return [child for child in parent.iterchildren(f"{{{METADATA}}}{name}") if not is_nil(child)]


def child_of(parent: etree._Element, name: str) -> etree._Element | None:
    """The one element of this name in another, if it is there and not nil. Raises WrongShape for more than one."""
    found = None
    for child in parent.iterchildren(f"{{{METADATA}}}{name}"):
        if is_nil(child):
            continue
        if found is not None:
            raise WrongShape(f"{name} is there {len(children(parent, name))} times")
        found = child
    return found


def text_of(parent: etree._Element, name: str) -> str:
    """The text of the one element of this name; empty where there is none. Raises WrongShape for anything else."""
    found = child_of(parent, name)
    return "" if found is None else simple_text(found)


def texts_of(parent: etree._Element, *names: str) -> list[str]:
    """The texts of some elements, each as `text_of` gives it, found in one pass: for what is there by the thousand."""
    tags = _qualified_all(names)
    found: dict[Any, str] = {}
    for child in parent:
        tag = child.tag
        if tag in tags and not is_nil(child):
            if tag in found:
                raise WrongShape(f"{etree.QName(child).localname} is there more than once")
            found[tag] = simple_text(child)
    return [found.get(tag, "") for tag in tags]


@cache
def _qualified_all(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(qualified, names))


def simple_text(simple: etree._Element) -> str:
    """What stands in an element. Raises WrongShape when that is other elements."""
    if len(simple):
        raise WrongShape(f"{etree.QName(simple).localname[:80]} is no text")
    return simple.text or ""


def result_with(results: list[etree._Element], name: str, without: str) -> etree._Element:
    """The one result that there is to be, with a text of this name. Raises WrongShape, which says `without`."""
    if len(results) != 1 or not text_of(results[0], name):
        raise WrongShape(without)
    return results[0]


def id_of(results: list[etree._Element], what: str) -> str:
    """The id of what was begun. Raises WrongShape when there is none; `what` was to be begun."""
    without = f"it names no {what}"
    found = text_of(result_with(results, "id", without), "id")
    if not is_id(found):
        raise WrongShape(without)
    return found


def type_of(element: etree._Element) -> str:
    """The Metadata API's type that an element says it is of (xsi:type, a QName); empty where it says none of these."""
    prefix, _, name = element.get(_TYPE, "").strip().rpartition(":")
    return name if element.nsmap.get(prefix or None) == METADATA else ""


def set_type(element: etree._Element, name: str) -> None:
    """Says of an element that it is of this type of the Metadata API's, whose names have no prefix in a request."""
    element.set(_TYPE, name)


def copied(element: etree._Element, tag: str) -> etree._Element:
    """A copy of another name, that says of itself which schemas are meant by its type and those of what is in it."""
    meant: dict[Any, str] = {prefix: element.nsmap[prefix] for prefix in prefixes_of_types(element)}
    made = element.makeelement(tag, None, meant | _NO_PREFIX)
    for name, value in element.attrib.items():
        made.set(name, value)
    made.text = element.text
    made.extend(deepcopy(element))
    return made


def prefixes_of_types(element: etree._Element) -> list[str]:
    """By which an element's type, and those of what is in it, are told: of what is declared there or before it."""
    told = {each.get(_TYPE, "").strip().rpartition(":")[0] for each in element.iter()}
    return sorted(told & {prefix for prefix in element.nsmap if prefix})


def type_of_file(root: etree._Element) -> str:
    """The type of the component that a file holds, which its root is called by. Raises WrongShape."""
    namespace, _, name = root.tag.rpartition("}")
    if namespace[1:] != METADATA:
        raise WrongShape("a file holds something else than a component")
    return name


def _envelope(token: Secret, operation: str, content: Iterable[etree._Element]) -> bytes:
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap=_PREFIXES)
    header = etree.SubElement(envelope, f"{{{ENVELOPE}}}Header")
    header.append(element("SessionHeader", element("sessionId", token.reveal())))
    asked = etree.SubElement(etree.SubElement(envelope, f"{{{ENVELOPE}}}Body"), qualified(operation))
    # An element that is put somewhere is no longer where it was: when a call is made again, not in the envelope before.
    asked.extend(content)
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def _results(org: str, operation: str, response: Answer) -> list[etree._Element]:
    body = _parsed(response.content).find(f"{{{ENVELOPE}}}Body")
    if body is None:
        raise WrongShape("it has no body")
    fault = body.find(f"{{{ENVELOPE}}}Fault")
    if fault is not None:
        # What is in a fault has no namespace (SOAP 1.1, section 4.4).
        raise from_fault(org, _said(fault, "faultcode"), _said(fault, "faultstring"))
    answer = body.find(qualified(f"{operation}Response"))
    if answer is None:
        raise WrongShape("it is an answer to another question")
    return children(answer, "result")


def _parsed(content: bytes) -> etree._Element:
    """The envelope. Raises WrongShape as `document` does, and for what is none."""
    envelope = document(content)
    if envelope.tag != f"{{{ENVELOPE}}}Envelope":
        raise WrongShape("it is no envelope")
    return envelope


def document(content: bytes) -> etree._Element:
    """The root of what came as XML. Raises WrongShape for what is none, has too many parts, or could lead elsewhere."""
    if _has_more(content, b"<", MOST_TAGS) or _has_more(content, b"=", MOST_ATTRIBUTES):
        raise WrongShape("it has too many parts")
    # What is not UTF-8 could hide what is looked for here; the API sends nothing else.
    if b"<!DOCTYPE" in content:
        raise WrongShape("it brings a document type")
    try:
        return etree.fromstring(content, _PARSERS.parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise WrongShape("it is no XML") from None


def _has_more(content: bytes, sign: bytes, most: int) -> bool:
    """Whether a sign is there more often; in megabytes, where it is seldom, that takes an eighth of counting it."""
    # What is short needs no counting.
    return len(content) > most and len(content) - len(content.replace(sign, b"", most + 1)) > most


class _Parsers(local):
    """A parser for each thread: to make one, and what it works with, takes half as long as to read an app by it."""

    def __init__(self) -> None:
        # Without `huge_tree` libxml2 reads at most 256 elements deep, and texts of ten million characters.
        self.parser: Final = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )


_PARSERS: Final = _Parsers()


def _said(fault: etree._Element, name: str) -> str:
    found = fault.find(name)
    return "" if found is None else found.text or ""
