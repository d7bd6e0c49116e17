"""Calls of the Metadata API that look: describeMetadata, listMetadata, readMetadata, describeValueType."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.simulator.metadata.call import COMPONENT_LIMIT, LIST_LIMIT, check_limit
from rotator.simulator.metadata.types.registry import shown_types
from rotator.simulator.org.components import to_xml
from rotator.simulator.wire.soap import INSTANCE, add, child_texts, date_time

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.metadata.types.metadata_type import Listed, MetadataType
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.schema.field import Field


def describe(call: MetadataCall, body: etree._Element) -> None:
    """describeMetadata: the types that the simulated org has."""
    result = add(body, "result")
    for each in shown_types(call.org, call.version):
        described = add(result, "metadataObjects")
        add(described, "directoryName", each.directory)
        add(described, "inFolder", "false")
        add(described, "metaFile", "true" if each.is_file else "false")
        add(described, "suffix", each.suffix)
        add(described, "xmlName", each.name)
    add(result, "organizationNamespace", "")
    add(result, "partialSaveAllowed", "true")
    add(result, "testRequired", "false" if call.org.kind == "sandbox" else "true")


def list_components(call: MetadataCall, body: etree._Element) -> None:
    """listMetadata: file properties of every component, for each query."""
    queries = call.call.children("queries")
    check_limit(call, len(queries), LIST_LIMIT)
    kinds = [call.type_of(next(iter(child_texts(query, "type")), "")) for query in queries]
    for kind in kinds:
        for component in kind.listed(call.org):
            if kind.first_version_of(component.name) > call.version:
                continue
            file_properties(call.org, kind, component, add(body, "result"))


def file_properties(org: Org, kind: MetadataType, component: Listed, result: etree._Element, folder: str = "") -> None:
    """Fills FileProperties: who made a component when, and in which file it comes."""
    creator = org.users.get(component.modified_by)
    user_id, user_name = (creator.id, creator.name) if creator else ("", "")
    add(result, "createdById", user_id)
    add(result, "createdByName", user_name)
    add(result, "createdDate", date_time(component.created_at))
    add(result, "fileName", f"{folder}{kind.directory}/{component.name}.{kind.suffix}")
    add(result, "fullName", component.name)
    add(result, "id", component.id)
    add(result, "lastModifiedById", user_id)
    add(result, "lastModifiedByName", user_name)
    add(result, "lastModifiedDate", date_time(component.modified_at))
    add(result, "manageableState", "unmanaged")
    add(result, "type", kind.name)


def read(call: MetadataCall, body: etree._Element) -> None:
    """readMetadata: the components as this API version returns them."""
    kind = call.component_type_of(call.text("type"))
    names = call.call.texts("fullNames")
    check_limit(call, len(names), COMPONENT_LIMIT)
    result = add(body, "result")
    for name in names:
        record = add(result, "records")
        component = kind.read(call.org, name)
        if component is None:
            # What is not there, or may not be read, is nil in its place; it is no error.
            record.set(f"{{{INSTANCE}}}nil", "true")
        else:
            record.set(f"{{{INSTANCE}}}type", kind.name)
            to_xml(component, record, call.version, kind.schema)


def describe_value_type(call: MetadataCall, body: etree._Element) -> None:
    """describeValueType: the fields of a type."""
    schema = call.component_type_of(call.text("type").rpartition("}")[2]).schema
    result = add(body, "result")
    for name in ("apiCreatable", "apiDeletable", "apiReadable", "apiUpdatable"):
        add(result, name, "true")
    for field in schema.fields:
        if field.is_in(call.version):
            _value_type_field(field, call.version, add(result, "valueTypeFields"))


def _value_type_field(field: Field, version: int, element: etree._Element) -> None:
    for inner in field.fields:
        if inner.is_in(version):
            _value_type_field(inner, version, add(element, "fields"))
    add(element, "isForeignKey", "false")
    add(element, "isNameField", "true" if field.name == "fullName" else "false")
    add(element, "minOccurs", "1" if field.required else "0")
    add(element, "name", field.name)
    for value in field.values:
        picklist = add(element, "picklistValues")
        add(picklist, "active", "true")
        add(picklist, "defaultValue", "true" if value == field.default else "false")
        add(picklist, "label", value)
        add(picklist, "value", value)
    add(element, "soapType", field.soap_type)
    add(element, "valueRequired", "true" if field.required else "false")
