"""The Metadata API's calls for ConnectedApp (Metadata API Developer Guide, CRUD-based calls)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from rotator.simulator.components import Component, ComponentError, Update, from_xml, to_xml
from rotator.simulator.faults import Kind
from rotator.simulator.schema import CONNECTED_APP, FIRST_API_VERSION, Field
from rotator.simulator.soap import INSTANCE, FaultError, SoapCall, add, child_texts, response, xsi_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from lxml import etree

    from rotator.simulator.apps import App, User
    from rotator.simulator.org import Org

LIST_LIMIT: Final = 3
"""Queries in one listMetadata."""
COMPONENT_LIMIT: Final = 10
"""Components in one readMetadata, updateMetadata, createMetadata or deleteMetadata."""
WRITES: Final = frozenset({Kind.SOAP_UPDATE, Kind.SOAP_CREATE, Kind.SOAP_DELETE})
"""Calls after which the org may be another."""
TYPE: Final = CONNECTED_APP.name


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
        session = org.sessions.find(call.session_id, org.clock())
        user = org.users.get(session.username) if session else None
        if session is None or user is None or (session.is_jwt and not org.settings.jwt_tokens_in_soap):
            raise FaultError("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
        if not user.may_use_metadata:
            raise FaultError("INSUFFICIENT_ACCESS", org.settings.metadata_permission_message)
        return cls(org, user, int(number), call, lose_certificate)

    def perform(self) -> etree._Element:
        """Takes effect and returns the answer's envelope. Raises FaultError when the whole call is refused."""
        operation = OPERATIONS.get(self.call.operation)
        if operation is None:
            raise FaultError("soapenv:Client", f"No operation available for request {self.call.payload.tag}")
        envelope, body = response(self.call.operation)
        operation.perform(self, body)
        if operation.kind in WRITES:
            self.org.on_change()
        return envelope


def _describe(call: MetadataCall, body: etree._Element) -> None:
    result = add(body, "result")
    described = add(result, "metadataObjects")
    add(described, "directoryName", "connectedApps")
    add(described, "inFolder", "false")
    add(described, "metaFile", "false")
    add(described, "suffix", "connectedApp")
    add(described, "xmlName", TYPE)
    add(result, "organizationNamespace", "")
    add(result, "partialSaveAllowed", "true")
    add(result, "testRequired", "false" if call.org.kind == "sandbox" else "true")


def _list(call: MetadataCall, body: etree._Element) -> None:
    queries = call.call.children("queries")
    _check_limit(call, len(queries), LIST_LIMIT)
    for query in queries:
        _check_type(next(iter(child_texts(query, "type")), ""))
        for app in call.org.apps.values():
            _file_properties(call.org, app, add(body, "result"))


def _file_properties(org: Org, app: App, result: etree._Element) -> None:
    creator = org.users.get(app.modified_by)
    user_id, user_name = (creator.id, creator.name) if creator else ("", "")
    add(result, "createdById", user_id)
    add(result, "createdByName", user_name)
    add(result, "createdDate", _date_time(app.created_at))
    add(result, "fileName", f"connectedApps/{app.name}.connectedApp")
    add(result, "fullName", app.name)
    add(result, "id", app.id)
    add(result, "lastModifiedById", user_id)
    add(result, "lastModifiedByName", user_name)
    add(result, "lastModifiedDate", _date_time(app.modified_at))
    add(result, "manageableState", "unmanaged")
    add(result, "type", TYPE)


def _read(call: MetadataCall, body: etree._Element) -> None:
    _check_type(next(iter(call.call.texts("type")), ""))
    names = call.call.texts("fullNames")
    _check_limit(call, len(names), COMPONENT_LIMIT)
    result = add(body, "result")
    for name in names:
        record = add(result, "records")
        app = call.org.apps.get(name)
        if app is None:
            # What is not there, or may not be read, is nil in its place; it is no error.
            record.set(f"{{{INSTANCE}}}nil", "true")
        else:
            record.set(f"{{{INSTANCE}}}type", TYPE)
            to_xml(app.whole_component(), record, call.version)


@dataclass(frozen=True)
class Write:
    """One component of a write that was found good; `commit` lets it take effect."""

    app: App
    component: Component

    def commit(self, call: MetadataCall) -> None:
        """Puts the component in place of what was there."""
        component = self.component
        if call.lose_certificate:
            component = {**component, "oauthConfig": {**component["oauthConfig"], "certificate": None}}
        self.app.put(component, call.org.clock(), call.user)
        call.org.apps[self.app.name] = self.app


def _update(call: MetadataCall, body: etree._Element) -> None:
    _write(call, body, _updated)


def _create(call: MetadataCall, body: etree._Element) -> None:
    _write(call, body, _created)


def _write(call: MetadataCall, body: etree._Element, plan: Callable[[MetadataCall, str, Component], Write]) -> None:
    elements = call.call.children("metadata")
    _check_limit(call, len(elements), COMPONENT_LIMIT)
    for element in elements:
        _check_type(xsi_type(element))
    given = [from_xml(element, call.version, call.org.settings) for element in elements]
    planned = [(each.get("fullName", ""), _planned(call, each, plan)) for each in given]
    failed = any(isinstance(outcome, ComponentError) for _, outcome in planned)
    for name, outcome in planned:
        _save_result(body, name, _committed(call, outcome, roll_back=failed and call.call.all_or_none))


def _planned(
    call: MetadataCall, given: Component, plan: Callable[[MetadataCall, str, Component], Write]
) -> Write | ComponentError:
    try:
        return plan(call, given.get("fullName", ""), given)
    except ComponentError as error:
        return error


def _committed(call: MetadataCall, outcome: Write | ComponentError, *, roll_back: bool) -> ComponentError | None:
    if isinstance(outcome, ComponentError):
        return outcome
    if roll_back:
        return ComponentError(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
        )
    outcome.commit(call)
    return None


def _updated(call: MetadataCall, name: str, given: Component) -> Write:
    app = _existing(call.org, name)
    return Write(app, Update(call.org.settings, call.version).apply(given, app.whole_component()))


def _created(call: MetadataCall, name: str, given: Component) -> Write:
    org, settings = call.org, call.org.settings
    if settings.creation_restricted:
        raise ComponentError(settings.creation_status_code, settings.creation_message)
    if name in org.apps:
        raise ComponentError("DUPLICATE_DEVELOPER_NAME", "duplicate value found", "fullName")
    component = Update(settings, call.version).create(given)
    if org.app_of(component["oauthConfig"].get("consumerKey", "")):
        raise ComponentError("FIELD_INTEGRITY_EXCEPTION", "The consumer key is already taken", "consumerKey")
    app = org.build_app(name, component)
    return Write(app, {**component, "oauthConfig": {**app.component["oauthConfig"], **component["oauthConfig"]}})


def _delete(call: MetadataCall, body: etree._Element) -> None:
    _check_type(next(iter(call.call.texts("type")), ""))
    names = call.call.texts("fullNames")
    _check_limit(call, len(names), COMPONENT_LIMIT)
    for name in names:
        try:
            del call.org.apps[_existing(call.org, name).name]
        except ComponentError as error:
            _save_result(body, name, error)
        else:
            _save_result(body, name, None)


def _save_result(body: etree._Element, name: str, error: ComponentError | None) -> None:
    """SaveResult and DeleteResult have the same shape."""
    result = add(body, "result")
    if error:
        element = add(result, "errors")
        for field in error.fields:
            add(element, "fields", field)
        add(element, "message", error.message)
        add(element, "statusCode", error.status_code)
    add(result, "fullName", name)
    add(result, "success", "false" if error else "true")


def _describe_value_type(call: MetadataCall, body: etree._Element) -> None:
    _check_type(next(iter(call.call.texts("type")), "").rpartition("}")[2])
    result = add(body, "result")
    for name in ("apiCreatable", "apiDeletable", "apiReadable", "apiUpdatable"):
        add(result, name, "true")
    for field in CONNECTED_APP.fields:
        if field.since <= call.version:
            _value_type_field(field, call.version, add(result, "valueTypeFields"))


def _value_type_field(field: Field, version: int, element: etree._Element) -> None:
    for inner in field.fields:
        if inner.since <= version:
            _value_type_field(inner, version, add(element, "fields"))
    add(element, "isForeignKey", "false")
    add(element, "isNameField", "true" if field.name == "fullName" else "false")
    add(element, "minOccurs", "1" if field.required else "0")
    add(element, "name", field.name)
    add(element, "soapType", field.soap_type)
    add(element, "valueRequired", "true" if field.required else "false")


def _existing(org: Org, name: str) -> App:
    if not name:
        raise ComponentError("REQUIRED_FIELD_MISSING", "Required field is missing: fullName", "fullName")
    if name not in org.apps:
        raise ComponentError("INVALID_CROSS_REFERENCE_KEY", f"no {TYPE} named {name} found")
    return org.apps[name]


def _check_type(name: str) -> None:
    if name != TYPE:
        raise FaultError("INVALID_TYPE", f"Unknown type:{name}")


def _check_limit(call: MetadataCall, number: int, limit: int) -> None:
    if number > limit:
        text = f"record limit reached. cannot submit more than {limit} records in this operation"
        raise FaultError(call.org.settings.limit_status_code, text)


def _date_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class Operation:
    """One call of the Metadata API: what it counts as, and what it does."""

    kind: Kind
    perform: Callable[[MetadataCall, etree._Element], None]


OPERATIONS: Final = {
    "describeMetadata": Operation(Kind.SOAP_DESCRIBE, _describe),
    "describeValueType": Operation(Kind.SOAP_DESCRIBE, _describe_value_type),
    "listMetadata": Operation(Kind.SOAP_LIST, _list),
    "readMetadata": Operation(Kind.SOAP_READ, _read),
    "updateMetadata": Operation(Kind.SOAP_UPDATE, _update),
    "createMetadata": Operation(Kind.SOAP_CREATE, _create),
    "deleteMetadata": Operation(Kind.SOAP_DELETE, _delete),
}
"""Every call that the simulated org knows."""
