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
from zeep.exceptions import Error as SoapError
from zeep.exceptions import Fault, ValidationError
from zeep.helpers import serialize_object
from zeep.wsdl import Document
from zeep.wsdl.utils import etree_to_string

from rotator.core.observed import Kind
from rotator.errors import OrgError
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

_NAMESPACE: Final = "{http://soap.sforce.com/2006/04/metadata}"
_SCHEMA_LOCK: Final = threading.Lock()


def call(org: str, transport: Transport, instance_url: str, token: Secret, operation: str, *arguments: Any) -> Any:
    """One call, made once, with the elements in the order of the WSDL: Salesforce drops those out of order.

    Raises SessionExpired, AnswerLost, OrgUnavailable and OrgError as `faults` and Transport say. Safe in threads.
    """
    client = zeep.Client(_schema(), transport=_SoapTransport(org, transport))
    service = client.create_service(f"{_NAMESPACE}MetadataBinding", f"{instance_url}/services/Soap/m/{API_VERSION}")
    header = client.get_element(f"{_NAMESPACE}SessionHeader")(sessionId=token.reveal())
    try:
        return service[operation](*arguments, _soapheaders=[header])
    except Fault as fault:
        raise from_fault(org, fault.code or "", fault.message) from None
    except ValidationError as error:
        raise OrgError(
            f"What the org {org} gave cannot be sent back: {error}.",
            effect="Nothing was changed.",
            hint="Save the app once in Setup with every required field filled in.",
        ) from None
    except SoapError:
        raise from_status(org, 200) from None


def plain(component: Any) -> dict[str, object]:
    """What zeep read, as dictionaries, lists and simple values."""
    fields: dict[str, object] = serialize_object(component, dict)
    return fields


class _SoapTransport:
    """What zeep sends through: no log of envelopes, which hold the session id, and errors in our words."""

    def __init__(self, org: str, transport: Transport) -> None:
        self._org = org
        self._transport = transport

    def post_xml(self, address: str, envelope: etree._Element, headers: Mapping[str, str]) -> requests.Response:
        response = self._transport.post(address, etree_to_string(envelope), headers)
        # Faults come with HTTP 500 and as XML; all else that is not 200 was said by something in front of the API.
        is_fault = response.status_code == 500 and "xml" in response.headers.get("Content-Type", "")
        if response.status_code != 200 and not is_fault:
            raise from_status(self._org, response.status_code)
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
