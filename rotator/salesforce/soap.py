"""Calls to the Metadata API's SOAP end, with one parsed copy of simple-salesforce's WSDL for the whole process."""

# zeep's functions carry no annotations.
# mypy: disable-error-code=no-untyped-call

from __future__ import annotations

import threading
from functools import cache
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import zeep
from zeep.exceptions import Fault, ValidationError
from zeep.helpers import serialize_object
from zeep.wsdl import Document
from zeep.wsdl.utils import etree_to_string

from rotator.core.observed import Kind
from rotator.errors import OrgError, RotatorError
from rotator.net.limits import KILOBYTE
from rotator.salesforce.faults import from_fault, from_status
from rotator.salesforce.wsdl import reduced

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from lxml import etree

    from rotator.core.secret import Secret
    from rotator.salesforce.transport import Transport

API_VERSION: Final = "63.0"
"""The version of the WSDL. Reads and writes must use the same one: what only the other one knows would be reset."""

MOST_TAGS: Final = 500_000
"""In one answer, beginnings and ends of elements together. An element of four characters takes a hundred times as much
memory, and all threads wait while it is looked at."""

MOST_ATTRIBUTES: Final = 100_000
"""In one answer; a real one has a few for each component."""

SMALL: Final = 256 * KILOBYTE
"""Of an answer that says how something went."""

_NAMESPACE: Final = "{http://soap.sforce.com/2006/04/metadata}"
_SCHEMA_LOCK: Final = threading.Lock()


def call(
    org: str,
    transport: Transport,
    instance_url: str,
    token: Secret,
    operation: str,
    *arguments: Any,
    size: int = SMALL,
) -> Any:
    """One call, made once, with the elements in the order of the WSDL: Salesforce drops those out of order.

    `size`: bytes that the answer may have. Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults`
    and Transport say. Safe in threads.
    """
    sending = _SoapTransport(org, transport, size)
    client = zeep.Client(_schema(), transport=sending)
    service = client.create_service(f"{_NAMESPACE}MetadataBinding", f"{instance_url}/services/Soap/m/{API_VERSION}")
    header = client.get_element(f"{_NAMESPACE}SessionHeader")(sessionId=token.reveal())
    try:
        return service[operation](*arguments, _soapheaders=[header])
    except RotatorError:
        raise
    except Fault as fault:
        raise from_fault(org, _text(fault.code), _text(fault.message)) from None
    except ValidationError as error:
        raise OrgError(
            f"What the org {org} gave cannot be sent back: {error}.",
            effect="Nothing was changed.",
            hint="Save the app once in Setup with every required field filled in.",
        ) from None
    except Exception:  # over an answer that is none by the WSDL, zeep stumbles in any way
        if not sending.is_answered:
            raise
        raise from_status(org, 200) from None


def text_of(component: Any, *path: str) -> str:
    """A text in what was read, by the names on the way to it; empty where there is none, or something else."""
    for name in path:
        component = getattr(component, name, None)
    return _text(component)


def entries_of(answer: Any) -> list[Any]:
    """The entries of an answer that is a list, without those that are null. Raises TypeError for anything else."""
    if not isinstance(answer, list | None):
        raise TypeError
    return [entry for entry in answer or () if entry is not None]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def plain(component: Any) -> dict[str, object]:
    """What zeep read, as dictionaries, lists and simple values."""
    fields: dict[str, object] = serialize_object(component, dict)
    return fields


class _SoapTransport:
    """What zeep sends through: no log of envelopes, which hold the session id, and errors in our words."""

    def __init__(self, org: str, transport: Transport, size: int) -> None:
        self._org: Final = org
        self._transport: Final = transport
        self._size: Final = size
        self.is_answered = False

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> requests.Response:
        response = self._transport.post(address, etree_to_string(envelope), headers, size=self._size)
        self.is_answered = True
        # Faults come with HTTP 500 and as XML; all else that is not 200 was said by something in front of the API.
        is_fault = response.status_code == 500 and "xml" in response.headers.get("Content-Type", "")
        if response.status_code != 200 and not is_fault:
            raise from_status(self._org, response.status_code)
        if response.content.count(b"<") > MOST_TAGS or response.content.count(b"=") > MOST_ATTRIBUTES:
            raise from_status(self._org, 200, why="it has too many parts")
        return response


def _schema() -> Document:
    # `cache` alone would let two threads parse it at once, at a quarter of a second and 30 MB each.
    with _SCHEMA_LOCK:
        return _parse_schema()


@cache
def _parse_schema() -> Document:
    # Found without importing simple_salesforce, which takes longer than parsing its WSDL.
    location = distribution("simple-salesforce").locate_file("simple_salesforce/metadata.wsdl")
    settings = zeep.Settings(forbid_dtd=True, forbid_external=True)
    text = BytesIO(reduced(Path(str(location)), Kind))
    return Document(text, zeep.Transport(), settings=settings)  # type: ignore[arg-type] # wrong in zeep
