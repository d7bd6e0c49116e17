"""Calls of the Metadata API that look: describeMetadata, listMetadata, readMetadata, describeValueType."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.simulator.components import to_xml
from rotator.simulator.metadata_call import COMPONENT_LIMIT, LIST_LIMIT, TYPE, check_limit, check_type
from rotator.simulator.schema import CONNECTED_APP, Field
from rotator.simulator.soap import INSTANCE, add, child_texts

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

    from rotator.simulator.apps import App
    from rotator.simulator.metadata_call import MetadataCall
    from rotator.simulator.org import Org


def describe(call: MetadataCall, body: etree._Element) -> None:
    """describeMetadata: the one type that the simulated org has."""
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


def list_components(call: MetadataCall, body: etree._Element) -> None:
    """listMetadata: file properties of every app, for each query."""
    queries = call.call.children("queries")
    check_limit(call, len(queries), LIST_LIMIT)
    for query in queries:
        check_type(next(iter(child_texts(query, "type")), ""))
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


def read(call: MetadataCall, body: etree._Element) -> None:
    """readMetadata: the components as this API version returns them."""
    check_type(next(iter(call.call.texts("type")), ""))
    names = call.call.texts("fullNames")
    check_limit(call, len(names), COMPONENT_LIMIT)
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


def describe_value_type(call: MetadataCall, body: etree._Element) -> None:
    """describeValueType: the fields of ConnectedApp."""
    check_type(next(iter(call.call.texts("type")), "").rpartition("}")[2])
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


def _date_time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
