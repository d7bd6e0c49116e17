"""Calls of the Metadata API that look: describeMetadata, listMetadata, readMetadata, describeValueType."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.simulator.metadata.call import COMPONENT_LIMIT, LIST_LIMIT, check_limit
from rotator.simulator.metadata.kinds import schema_of, shown_types, type_of
from rotator.simulator.org.components import to_xml
from rotator.simulator.wire.soap import INSTANCE, add, child_texts

if TYPE_CHECKING:
    from datetime import datetime

    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.metadata.kinds import Listed, MetadataType
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.types import Field


def describe(call: MetadataCall, body: etree._Element) -> None:
    """describeMetadata: the types that the simulated org has."""
    result = add(body, "result")
    for each in shown_types(call):
        described = add(result, "metadataObjects")
        add(described, "directoryName", each.directory)
        add(described, "inFolder", "false")
        add(described, "metaFile", "true" if each.has_meta_file else "false")
        add(described, "suffix", each.suffix)
        add(described, "xmlName", each.name)
    add(result, "organizationNamespace", "")
    add(result, "partialSaveAllowed", "true")
    add(result, "testRequired", "false" if call.org.kind == "sandbox" else "true")


def list_components(call: MetadataCall, body: etree._Element) -> None:
    """listMetadata: file properties of every component, for each query."""
    queries = call.call.children("queries")
    check_limit(call, len(queries), LIST_LIMIT)
    kinds = [type_of(call, next(iter(child_texts(query, "type")), "")) for query in queries]
    for kind in kinds:
        for component in kind.components(call.org):
            _file_properties(call.org, kind, component, add(body, "result"))


def _file_properties(org: Org, kind: MetadataType, component: Listed, result: etree._Element) -> None:
    creator = org.users.get(component.modified_by)
    user_id, user_name = (creator.id, creator.name) if creator else ("", "")
    add(result, "createdById", user_id)
    add(result, "createdByName", user_name)
    add(result, "createdDate", _date_time(component.created_at))
    add(result, "fileName", f"{kind.directory}/{component.name}.{kind.suffix}")
    add(result, "fullName", component.name)
    add(result, "id", component.id)
    add(result, "lastModifiedById", user_id)
    add(result, "lastModifiedByName", user_name)
    add(result, "lastModifiedDate", _date_time(component.modified_at))
    add(result, "manageableState", "unmanaged")
    add(result, "type", kind.name)


def read(call: MetadataCall, body: etree._Element) -> None:
    """readMetadata: the components as this API version returns them."""
    kind, schema = schema_of(call, next(iter(call.call.texts("type")), ""))
    names = call.call.texts("fullNames")
    check_limit(call, len(names), COMPONENT_LIMIT)
    result = add(body, "result")
    for name in names:
        record = add(result, "records")
        component = kind.component(call.org, name)
        if component is None:
            # What is not there, or may not be read, is nil in its place; it is no error.
            record.set(f"{{{INSTANCE}}}nil", "true")
        else:
            record.set(f"{{{INSTANCE}}}type", kind.name)
            to_xml(component, record, call.version, schema)


def describe_value_type(call: MetadataCall, body: etree._Element) -> None:
    """describeValueType: the fields of a type."""
    _, schema = schema_of(call, next(iter(call.call.texts("type")), "").rpartition("}")[2])
    result = add(body, "result")
    for name in ("apiCreatable", "apiDeletable", "apiReadable", "apiUpdatable"):
        add(result, name, "true")
    for field in schema.fields:
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
