"""SOAP envelopes: requests taken apart by namespace, answers and faults as the Metadata API sends them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from lxml import etree

from rotator.simulator.wire.answers import Answer, xml_answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

METADATA: Final = "http://soap.sforce.com/2006/04/metadata"
ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"

_DOCTYPE: Final = re.compile(rb"<!DOCTYPE", re.IGNORECASE)


class FaultError(Exception):
    """The whole call is refused with a SOAP fault; nothing took effect."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code if ":" in code else f"sf:{code}"
        self.text = message if ":" in code else f"{code}: {message}"


@dataclass(frozen=True)
class SoapCall:
    """One call: the element inside the body, and what the headers say. Prefixes do not matter, namespaces do."""

    operation: str
    payload: etree._Element
    session_id: str
    all_or_none: bool

    @classmethod
    def parse(cls, body: bytes, namespace: str = METADATA) -> Self:
        """Takes an envelope apart. Raises FaultError when it is none."""
        envelope = _parse_xml(body)
        payload = next(iter(_child(envelope, ENVELOPE, "Body").iterchildren(tag=etree.Element)), None)
        if payload is None:
            raise FaultError("soapenv:Client", "no operation in the SOAP body")
        name = etree.QName(payload)
        if name.namespace != namespace:
            raise FaultError("soapenv:Client", f"No operation available for request {payload.tag}")
        return cls(
            name.localname,
            payload,
            _header(envelope, namespace, "SessionHeader", "sessionId"),
            _header(envelope, namespace, "AllOrNoneHeader", "allOrNone") in {"true", "1"},
        )

    def texts(self, name: str) -> list[str]:
        """The texts of the payload's children of this name, whether they are qualified or not."""
        return child_texts(self.payload, name)

    def children(self, name: str) -> list[etree._Element]:
        """The payload's children of this name, whether they are qualified or not."""
        return children(self.payload, name)


def offered_version(text: str, offered: range) -> int:
    """The number of the API version in an address. Raises FaultError when it is none of those that are offered."""
    number = text.removesuffix(".0")
    if not number.isdecimal() or int(number) not in offered:
        raise FaultError("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    return int(number)


def children(element: etree._Element, name: str) -> list[etree._Element]:
    """Child elements of this name; some clients leave children unqualified, and Salesforce takes them."""
    return [child for child in element.iterchildren(tag=etree.Element) if etree.QName(child).localname == name]


def child_texts(element: etree._Element, name: str) -> list[str]:
    """The trimmed texts of the children of this name."""
    return [(child.text or "").strip() for child in children(element, name)]


def is_nil(element: etree._Element) -> bool:
    """Whether the element says xsi:nil."""
    return element.get(f"{{{INSTANCE}}}nil") in {"true", "1"}


def xsi_type(element: etree._Element) -> str:
    """The local name of the element's xsi:type, a QName whose prefix is looked up where it stands.

    Raises FaultError when there is none or when it is of another namespace.
    """
    text = element.get(f"{{{INSTANCE}}}type", "")
    prefix, _, local = text.strip().rpartition(":")
    if not local:
        raise FaultError(
            "soapenv:Client",
            f"Must specify a {{{INSTANCE}}}type attribute value for the {{{METADATA}}}metadata element",
        )
    if element.nsmap.get(prefix or None) != METADATA:
        raise FaultError("INVALID_TYPE", f"Unknown type:{text}")
    return local


def response(operation: str, namespace: str = METADATA) -> tuple[etree._Element, etree._Element]:
    """An empty answer envelope and the element inside its body to fill."""
    envelope = etree.fromstring(
        f'<soapenv:Envelope xmlns:soapenv="{ENVELOPE}" xmlns="{namespace}" xmlns:xsi="{INSTANCE}"><soapenv:Body/>'
        "</soapenv:Envelope>"
    )
    return envelope, etree.SubElement(_child(envelope, ENVELOPE, "Body"), f"{{{namespace}}}{operation}Response")


def add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    """Appends an element of the parent's namespace."""
    element = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    element.text = text
    return element


def append(parent: etree._Element, structure: Mapping[str, Any]) -> None:
    """Appends a structure's elements in its order: a list is as many elements, what is None is not there."""
    for name, value in structure.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                append(add(parent, name), each)
            elif each is not None:
                add(parent, name, str(each).lower() if isinstance(each, bool) else str(each))


def date_time(time: datetime) -> str:
    """A time as the Metadata API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def envelope_answer(envelope: etree._Element, status: int = 200) -> Answer:
    """The envelope as an HTTP answer, with the declaration that Salesforce sends."""
    text = etree.tostring(envelope, encoding="unicode")
    return xml_answer(status, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def fault_answer(fault: FaultError) -> Answer:
    """A fault: HTTP 500, no detail, the code again in the text (recorded from the metadata endpoint)."""
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soapenv": ENVELOPE, "sf": METADATA})
    body = etree.SubElement(envelope, f"{{{ENVELOPE}}}Body")
    element = etree.SubElement(body, f"{{{ENVELOPE}}}Fault")
    etree.SubElement(element, "faultcode").text = fault.code
    etree.SubElement(element, "faultstring").text = fault.text
    return envelope_answer(envelope, 500)


def _parse_xml(body: bytes) -> etree._Element:
    if _DOCTYPE.search(body):
        raise FaultError("soapenv:Client", "DOCTYPE is not allowed")
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise FaultError("soapenv:Client", f"The XML cannot be parsed: {error.msg}") from None
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise FaultError("soapenv:Client", "the document is no SOAP 1.1 envelope")
    return root


def _child(element: etree._Element, namespace: str, name: str) -> etree._Element:
    child = element.find(f"{{{namespace}}}{name}")
    if child is None:
        raise FaultError("soapenv:Client", f"the envelope has no {name}")
    return child


def _header(envelope: etree._Element, namespace: str, header: str, name: str) -> str:
    for element in envelope.iterfind(f"{{{ENVELOPE}}}Header/{{{namespace}}}{header}"):
        for child in children(element, name):
            return (child.text or "").strip()
    return ""
