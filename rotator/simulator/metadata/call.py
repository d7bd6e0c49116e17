"""One call of the Metadata API after its session was checked, and the limits that hold for every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from rotator.simulator.org.types import CONNECTED_APP, FIRST_API_VERSION
from rotator.simulator.wire.soap import FaultError, SoapCall

if TYPE_CHECKING:
    from rotator.simulator.org.apps import User
    from rotator.simulator.org.org import Org

LIST_LIMIT: Final = 3
"""Queries in one listMetadata."""
COMPONENT_LIMIT: Final = 10
"""Components in one readMetadata, updateMetadata, createMetadata or deleteMetadata."""
TYPE: Final = CONNECTED_APP.name
"""The type that can be written."""


@dataclass(frozen=True)
class MetadataCall:
    """One call of a user with a session, at one API version."""

    org: Org
    user: User
    version: int
    call: SoapCall
    lose_certificate: bool = False
    """Fault: the write succeeds and the certificate is dropped, as one release's Setup did."""

    @classmethod
    def open(cls, org: Org, call: SoapCall, version: str, *, lose_certificate: bool = False) -> Self:
        """Checks version, session and permission. Raises FaultError in the endpoint's words."""
        number = version.removesuffix(".0")
        if not number.isdecimal() or not FIRST_API_VERSION <= int(number) <= org.settings.latest_api_version:
            raise FaultError("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
        visitor = org.visitor(call.session_id)
        if visitor is None or (visitor.session.is_jwt and not org.settings.jwt_tokens_in_soap):
            raise FaultError("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        if not visitor.user.may_use_metadata:
            raise FaultError("INSUFFICIENT_ACCESS", org.settings.metadata_permission_message)
        return cls(org, visitor.user, int(number), call, lose_certificate)


def check_written_type(name: str) -> None:
    if name != TYPE:
        raise FaultError("INVALID_TYPE", f"Unknown type:{name}")


def check_limit(call: MetadataCall, number: int, limit: int) -> None:
    if number > limit:
        raise FaultError(call.org.settings.limit_status_code, limit_message(limit))


def limit_message(limit: int) -> str:
    """The words for too many components; Salesforce's own are not known for every call."""
    return f"record limit reached. cannot submit more than {limit} records in this operation"
