"""Calls of the Metadata API that look: describeMetadata, listMetadata, readMetadata, describeValueType."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rotator.simulator.metadata.call import COMPONENT_LIMIT, LIST_LIMIT, check_limit
from rotator.simulator.metadata.types.registry import shown_types, type_of
from rotator.simulator.org.components import to_xml
from rotator.simulator.wire.soap import INSTANCE, add, append, child_texts, date_time

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.schema.field import Field


def describe(call: MetadataCall, body: etree._Element) -> None:
    """describeMetadata: the types that the simulated org has."""
    shown = {
        "metadataObjects": [
            {
                "directoryName": each.directory,
                "inFolder": False,
                "metaFile": each.is_file,
                "suffix": each.suffix,
                "xmlName": each.name,
            }
            for each in shown_types(call.org, call.version)
        ],
        "organizationNamespace": "",
        "partialSaveAllowed": True,
        "testRequired": call.org.kind != "sandbox",
    }
    append(body, {"result": shown})


def list_components(call: MetadataCall, body: etree._Element) -> None:
    """listMetadata: file properties of every component, for each query."""
    queries = call.call.children("queries")
    check_limit(call, len(queries), LIST_LIMIT)
    kinds = [type_of(call.org, call.version, next(iter(child_texts(query, "type")), "")) for query in queries]
    for kind in kinds:
        for component in kind.listed(call.org):
            if kind.first_version_of(component.name) <= call.version:
                append(body, {"result": file_properties(call.org, kind.name, kind.path(component.name), component)})


def file_properties(org: Org, type_name: str, path: str, component: Listed) -> dict[str, str]:
    """FileProperties: who made a component when, and in which file it comes."""
    creator = org.users.get(component.modified_by)
    user_id, user_name = (creator.id, creator.name) if creator else ("", "")
    return {
        "createdById": user_id,
        "createdByName": user_name,
        "createdDate": date_time(component.created_at),
        "fileName": path,
        "fullName": component.name,
        "id": component.id,
        "lastModifiedById": user_id,
        "lastModifiedByName": user_name,
        "lastModifiedDate": date_time(component.modified_at),
        "manageableState": "unmanaged",
        "type": type_name,
    }


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
    told = dict.fromkeys(("apiCreatable", "apiDeletable", "apiReadable", "apiUpdatable"), True)
    fields = [_value_type_field(field, call.version) for field in schema.fields if field.is_in(call.version)]
    append(body, {"result": {**told, "valueTypeFields": fields}})


def _value_type_field(field: Field, version: int) -> dict[str, Any]:
    return {
        "fields": [_value_type_field(inner, version) for inner in field.fields if inner.is_in(version)],
        "isForeignKey": False,
        "isNameField": field.name == "fullName",
        "minOccurs": int(field.required),
        "name": field.name,
        "picklistValues": [
            {"active": True, "defaultValue": value == field.default, "label": value, "value": value}
            for value in field.values
        ],
        "soapType": field.soap_type,
        "valueRequired": field.required,
    }
