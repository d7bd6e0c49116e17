"""One call of the Metadata API after its session was checked, and the limits that hold for every call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from rotator.simulator.metadata.types.changes import Author
from rotator.simulator.metadata.types.registry import component_type_of
from rotator.simulator.org.schema.field import FIRST_API_VERSION
from rotator.simulator.wire.soap import FaultError, SoapCall, offered_version

if TYPE_CHECKING:
    from rotator.simulator.metadata.types.metadata_type import MetadataType
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

LIST_LIMIT: Final = 3
"""Queries in one listMetadata."""
COMPONENT_LIMIT: Final = 10
"""Components in one readMetadata, updateMetadata, createMetadata or deleteMetadata."""


@dataclass(frozen=True)
class MetadataCall:
    """One call of a user with a session, at one API version."""

    org: Org
    user: User
    version: int
    call: SoapCall
    lose_certificate: bool = False

    @classmethod
    def open(cls, org: Org, call: SoapCall, version: str, *, lose_certificate: bool = False) -> Self:
        """Checks version, session and permission. Raises FaultError in the endpoint's words."""
        number = offered_version(version, range(FIRST_API_VERSION, org.settings.latest_api_version + 1))
        visitor = org.visitor(call.session_id)
        if visitor is None or (visitor.session.is_jwt and not org.settings.jwt_tokens_in_soap):
            raise FaultError("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        if not visitor.user.may_use_metadata:
            raise FaultError("INSUFFICIENT_ACCESS", org.settings.metadata_permission_message)
        return cls(org, visitor.user, number, call, lose_certificate)

    def text(self, name: str) -> str:
        """The text of one argument; empty when it is not there."""
        return next(iter(self.call.texts(name)), "")

    def component_type_of(self, name: str) -> MetadataType:
        """A type whose components CRUD calls can name. Raises FaultError for any other."""
        return component_type_of(self.org, self.version, name)

    def author(self) -> Author:
        """The caller as one who writes components."""
        return Author(self.org, self.user, self.version, self.org.clock(), lose_certificate=self.lose_certificate)


def check_limit(call: MetadataCall, number: int, limit: int) -> None:
    """Raises the fault of a call that names more components than it may."""
    if number > limit:
        raise FaultError(call.org.settings.limit_status_code, limit_message(limit))


def limit_message(limit: int) -> str:
    """The words for too many components; Salesforce's own are not known for every call."""
    return f"record limit reached. cannot submit more than {limit} records in this operation"
