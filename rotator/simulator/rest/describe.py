"""sobjects: the objects, what they are, and single rows (REST API Developer Guide, sObject resources)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.rest.query_resource import refused
from rotator.simulator.rest.soql.selection import record
from rotator.simulator.rest.soql.tree import QueryError
from rotator.simulator.wire.answers import Answer, json_answer, not_found

if TYPE_CHECKING:
    from rotator.simulator.rest.sobjects import Child, SField, SObject
    from rotator.simulator.rest.soql.database import Database
    from rotator.simulator.wire.request import Request

_SOAP_TYPES: Final = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "datetime": "xsd:dateTime",
    "date": "xsd:date",
}


_LENGTHS: Final = {**dict.fromkeys(("id", "reference"), 18), **dict.fromkeys(("string", "email", "picklist"), 255)}


def answer_objects(database: Database, request: Request, base: str, parts: list[str]) -> Answer | None:
    """Answers one call below `sobjects`; None for a resource that is not simulated."""
    try:
        match parts:
            case []:
                shown = [_brief(base, each) for each in database.objects.values() if _is_shown(database, each)]
                return json_answer(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})
            case [name]:
                table = database.object(name)
                return json_answer(200, {"objectDescribe": _brief(base, table), "recentItems": []})
            case [name, "describe"]:
                return json_answer(200, _whole(base, database.object(name)))
            case [name, record_id] if record_id not in {"updated", "deleted"}:
                return _row(database, request, base, name, record_id)
    except QueryError as error:
        # Here an object that is not there is an address that is not there, as the command line expects it.
        return not_found() if error.code == "INVALID_TYPE" else refused(error)
    return None


def _is_shown(database: Database, table: SObject) -> bool:
    return table.name not in database.org.settings.hidden_types and table.since <= database.version


def _row(database: Database, request: Request, base: str, name: str, record_id: str) -> Answer:
    table = database.object(name)
    row = database.by_id(table, record_id) if len(record_id) in {15, 18} else None
    if row is None:
        return not_found()
    asked = request.query.get("fields", "")
    names = [each.strip() for each in asked.split(",")] if asked else [field.name for field in table.fields]
    shown = record(database, table, row, [database.column(table, (each,)) for each in names])
    shown["attributes"] = {"type": table.name, "url": f"{base}/sobjects/{table.name}/{row['Id']}"}
    return json_answer(200, shown)


def _brief(base: str, table: SObject) -> dict[str, Any]:
    flags = ("createable", "custom", "customSetting", "deletable", "deprecatedAndHidden", "feedEnabled", "mergeable")
    url = f"{base}/sobjects/{table.name}"
    return {
        **dict.fromkeys(flags, False),
        "keyPrefix": table.prefix,
        "label": table.label or table.name,
        "labelPlural": f"{table.label or table.name}s",
        "layoutable": False,
        "name": table.name,
        "queryable": True,
        "replicateable": False,
        "retrieveable": True,
        "searchable": False,
        "triggerable": False,
        "undeletable": False,
        "updateable": False,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }


def _whole(base: str, table: SObject) -> dict[str, Any]:
    return {
        **_brief(base, table),
        "actionOverrides": [],
        "childRelationships": [_child(each) for each in table.children],
        "fields": [_field(each) for each in table.fields],
        "recordTypeInfos": [],
        "supportedScopes": [{"label": "All", "name": "everything"}],
    }


def _child(child: Child) -> dict[str, Any]:
    return {
        "cascadeDelete": False,
        "childSObject": child.object,
        "deprecatedAndHidden": False,
        "field": child.field,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": child.name,
        "restrictedDelete": False,
    }


def _field(field: SField) -> dict[str, Any]:
    flags = ("autoNumber", "calculated", "createable", "custom", "encrypted", "externalId", "unique", "updateable")
    return {
        **dict.fromkeys(flags, False),
        "aggregatable": field.filterable,
        "filterable": field.filterable,
        "groupable": field.type != "datetime",
        "idLookup": field.type == "id",
        "label": field.name,
        "length": _LENGTHS.get(field.type, 0),
        "name": field.name,
        "nameField": field.name == "Name",
        "nillable": field.type not in {"id", "boolean"},
        "picklistValues": [],
        "referenceTo": [field.references] if field.references else [],
        "relationshipName": field.relationship or None,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": True,
        "type": field.type,
    }
