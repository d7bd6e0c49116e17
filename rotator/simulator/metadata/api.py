"""The Metadata API's calls (Metadata API Developer Guide)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.simulator.metadata import deploy, reads, retrieve, writes
from rotator.simulator.wire.faults import Kind
from rotator.simulator.wire.soap import FaultError, response

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall


@dataclass(frozen=True)
class Operation:
    """One call of the Metadata API: what it counts as, and what it does."""

    kind: Kind
    perform: Callable[[MetadataCall, etree._Element], None]


OPERATIONS: Final = {
    "describeMetadata": Operation(Kind.SOAP_DESCRIBE, reads.describe),
    "describeValueType": Operation(Kind.SOAP_DESCRIBE, reads.describe_value_type),
    "listMetadata": Operation(Kind.SOAP_LIST, reads.list_components),
    "readMetadata": Operation(Kind.SOAP_READ, reads.read),
    "updateMetadata": Operation(Kind.SOAP_UPDATE, writes.update),
    "createMetadata": Operation(Kind.SOAP_CREATE, writes.create),
    "upsertMetadata": Operation(Kind.SOAP_UPDATE, writes.upsert),
    "deleteMetadata": Operation(Kind.SOAP_DELETE, writes.delete),
    "renameMetadata": Operation(Kind.SOAP_UPDATE, writes.rename),
    "retrieve": Operation(Kind.SOAP_RETRIEVE, retrieve.retrieve),
    "checkStatus": Operation(Kind.SOAP_STATUS, retrieve.check_async_status),
    "checkRetrieveStatus": Operation(Kind.SOAP_STATUS, retrieve.check_status),
    "deploy": Operation(Kind.SOAP_DEPLOY, deploy.deploy),
    "deployRecentValidation": Operation(Kind.SOAP_DEPLOY, deploy.deploy_recent_validation),
    "checkDeployStatus": Operation(Kind.SOAP_STATUS, deploy.check_status),
    "cancelDeploy": Operation(Kind.SOAP_STATUS, deploy.cancel),
}
"""Every call of the WSDL, and checkStatus, which newer WSDLs lack and CumulusCI calls all the same."""

WRITES: Final = frozenset({Kind.SOAP_UPDATE, Kind.SOAP_CREATE, Kind.SOAP_DELETE})
"""Calls after which the org may be another; a deployment says so itself, when it takes effect."""


def perform(call: MetadataCall) -> etree._Element:
    """The call takes effect; returns the answer's envelope. Raises FaultError when the whole call is refused."""
    operation = OPERATIONS.get(call.call.operation)
    if operation is None:
        raise FaultError("soapenv:Client", f"No operation available for request {call.call.payload.tag}")
    envelope, body = response(call.call.operation)
    operation.perform(call, body)
    if operation.kind in WRITES:
        call.org.on_change()
    return envelope
