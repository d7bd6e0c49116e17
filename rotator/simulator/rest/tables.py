"""The objects that can be asked for in queries, and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.org.identifiers import record_id
from rotator.simulator.rest.query import Row, Table, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotator.simulator.org.org import Org


def _organizations(org: Org) -> Iterator[Row]:
    yield {"Id": org.id, "Name": org.name, "IsSandbox": org.kind == "sandbox", "OrganizationType": "Developer Edition"}


def _users(org: Org) -> Iterator[Row]:
    for user in org.users.values():
        yield {
            "Id": user.id,
            "Username": user.username,
            "Name": user.name,
            "Email": user.username,
            "IsActive": user.active,
        }


def _applications(org: Org) -> Iterator[Row]:
    """ConnectedApplication has the label as its name, and neither certificate nor consumer key."""
    for app in org.apps.values():
        yield {
            "Id": app.id,
            "Name": app.component["label"],
            "CreatedDate": rest_time(app.created_at),
            "LastModifiedDate": rest_time(app.modified_at),
            "OptionsAllowAdminApprovedUsersOnly": app.is_admin_approved,
        }


def _logins(org: Org) -> Iterator[Row]:
    """Which row a refused JWT login leaves, if any, is not documented."""
    for number, login in enumerate(org.logins):
        is_unsigned = login.outcome.endswith("invalid assertion")
        status = org.settings.signature_failure_status if is_unsigned else login.outcome
        if status is None:
            continue
        user = org.users.get(login.username)
        yield {
            "Id": record_id("0Ya", number),
            "UserId": user.id if user else None,
            "LoginTime": rest_time(login.time),
            "LoginType": "Remote Access 2.0",
            "Application": login.app.replace("_", " "),
            "Status": status,
        }


def _certificates(org: Org) -> Iterator[Row]:
    """Of Certificate the Tooling API has a date without a time, and no content."""
    for each in org.certificates:
        if each.deleted and not org.settings.deleted_rows_in_queries:
            continue
        yield {
            "Id": each.id,
            "DeveloperName": each.name,
            "MasterLabel": each.label,
            "ExpirationDate": f"{each.expires_at:%Y-%m-%d}" if each.expires_at else None,
            "KeySize": each.key_bits,
            "OptionsIsCaSigned": each.ca_signed,
            "OptionsIsPrivateKeyExportable": each.exportable,
            "OptionsIsUnusable": each.unusable,
            "CreatedDate": rest_time(each.created_at),
            "LastModifiedDate": rest_time(each.modified_at),
        }


def rest_time(time: datetime) -> str:
    """A time as the REST API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


TABLES: Final[Tables] = {
    "Organization": Table(_organizations, ("Id", "Name", "IsSandbox", "OrganizationType")),
    "User": Table(_users, ("Id", "Username", "Name", "Email", "IsActive")),
    "ConnectedApplication": Table(
        _applications, ("Id", "Name", "CreatedDate", "LastModifiedDate", "OptionsAllowAdminApprovedUsersOnly")
    ),
    "LoginHistory": Table(
        _logins,
        ("Id", "UserId", "LoginTime", "LoginType", "Application", "Status"),
        not_filterable=("Application",),
    ),
}
"""The objects that can be asked for (Object Reference; LoginHistory's Application has no Filter property)."""

TOOLING_TABLES: Final[Tables] = {
    "Certificate": Table(
        _certificates,
        (
            *("Id", "DeveloperName", "MasterLabel", "ExpirationDate", "KeySize", "OptionsIsCaSigned"),
            *("OptionsIsPrivateKeyExportable", "OptionsIsUnusable", "CreatedDate", "LastModifiedDate"),
        ),
    )
}
"""The objects of the Tooling API (Tooling API, Certificate)."""
