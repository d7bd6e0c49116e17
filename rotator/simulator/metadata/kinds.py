"""The types of metadata that the simulated org has: how they are listed, described and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from rotator.simulator.org.saml_types import SAML_SSO_CONFIG
from rotator.simulator.org.types import CONNECTED_APP, FIRST_API_VERSION, Field
from rotator.simulator.wire.soap import FaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org


class Listed(Protocol):
    """What listMetadata tells of a component."""

    id: str
    name: str
    created_at: datetime
    modified_at: datetime
    modified_by: str


@dataclass(frozen=True)
class MetadataType:
    """One type, with the API version that brought it."""

    name: str
    directory: str
    suffix: str
    components: Callable[[Org], Iterable[Listed]]
    since: int = FIRST_API_VERSION
    has_meta_file: bool = False
    schema: Field | None = None
    """None for a type whose components are files: no call of this API reads them."""
    component: Callable[[Org, str], Component | None] = lambda _org, _name: None
    """A whole component by its full name."""


def _app(org: Org, name: str) -> Component | None:
    app = org.apps.get(name)
    return app.whole_component() if app else None


def _identity_provider(org: Org, name: str) -> Component | None:
    provider = org.identity_providers.get(name)
    return {**provider.component, "fullName": name} if provider else None


CONNECTED_APPS: Final = MetadataType(
    name=CONNECTED_APP.name,
    directory="connectedApps",
    suffix="connectedApp",
    components=lambda org: org.apps.values(),
    schema=CONNECTED_APP,
    component=_app,
)
TYPES: Final = {
    each.name: each
    for each in (
        MetadataType(
            name="Certificate",
            directory="certs",
            suffix="crt",
            components=lambda org: [each for each in org.certificates if not each.deleted],
            since=36,
            has_meta_file=True,
        ),
        CONNECTED_APPS,
        MetadataType(
            name=SAML_SSO_CONFIG.name,
            directory="samlssoconfigs",
            suffix="samlssoconfig",
            components=lambda org: org.identity_providers.values(),
            schema=SAML_SSO_CONFIG,
            component=_identity_provider,
        ),
    )
}
"""By name, in the order in which describeMetadata tells them."""


def shown_types(call: MetadataCall) -> list[MetadataType]:
    """The types that this version and user have."""
    hidden = call.org.settings.hidden_types
    return [each for each in TYPES.values() if each.since <= call.version and each.name not in hidden]


def type_of(call: MetadataCall, name: str) -> MetadataType:
    """A type by its name. Raises FaultError when this version or user has none of it."""
    found = TYPES.get(name)
    if found is None:
        raise FaultError("INVALID_TYPE", f"Unknown type:{name}")
    if found.since > call.version:
        raise FaultError("INVALID_TYPE", f"Cannot use: {name} in this version")
    if name in call.org.settings.hidden_types:
        raise FaultError(
            call.org.settings.hidden_type_code, "This type of metadata is not available for this organization"
        )
    return found


def schema_of(call: MetadataCall, name: str) -> tuple[MetadataType, Field]:
    """A type whose components can be read, and its fields. Raises FaultError for any other."""
    found = type_of(call, name)
    if found.schema is None:
        raise FaultError("INVALID_TYPE_FOR_OPERATION", f"{name} is not supported by this operation")
    return found, found.schema
