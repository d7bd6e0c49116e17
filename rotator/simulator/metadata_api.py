"""The Metadata API's calls (Metadata API Developer Guide, CRUD-based calls)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.simulator import metadata_reads, metadata_writes
from rotator.simulator.faults import Kind
from rotator.simulator.soap import FaultError, response

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from rotator.simulator.metadata_call import MetadataCall


@dataclass(frozen=True)
class Operation:
    """One call of the Metadata API: what it counts as, and what it does."""

    kind: Kind
    perform: Callable[[MetadataCall, etree._Element], None]


OPERATIONS: Final = {
    "describeMetadata": Operation(Kind.SOAP_DESCRIBE, metadata_reads.describe),
    "describeValueType": Operation(Kind.SOAP_DESCRIBE, metadata_reads.describe_value_type),
    "listMetadata": Operation(Kind.SOAP_LIST, metadata_reads.list_components),
    "readMetadata": Operation(Kind.SOAP_READ, metadata_reads.read),
    "updateMetadata": Operation(Kind.SOAP_UPDATE, metadata_writes.update),
    "createMetadata": Operation(Kind.SOAP_CREATE, metadata_writes.create),
    "deleteMetadata": Operation(Kind.SOAP_DELETE, metadata_writes.delete),
}
"""Every call that the simulated org knows."""

WRITES: Final = frozenset({Kind.SOAP_UPDATE, Kind.SOAP_CREATE, Kind.SOAP_DELETE})
"""Calls after which the org may be another."""


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
