"""The rows of the objects that can be asked for: what really happened in the org.

A row may leave fields out: those are empty, or false.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rotator.simulator.org.identifiers import record_id
from rotator.simulator.org.jobs import DEPLOYMENT
from rotator.simulator.rest.user_rights import (
    PERMISSIONS,
    allowed_to,
    licences,
    metadata_access,
    permissions_of,
    profile_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User
    from rotator.simulator.rest.sobjects import Row

_STANDARD_PROFILES: Final = ("System Administrator", "Standard User")


def organizations(org: Org, _user: User | None) -> Iterator[Row]:
    """The one row of Organization."""
    yield {
        "Id": org.id,
        "Name": org.name,
        "IsSandbox": org.kind == "sandbox",
        "OrganizationType": "Developer Edition",
        "InstanceName": "SIM1",
        "LanguageLocaleKey": "en_US",
        "TimeZoneSidKey": "GMT",
        "DefaultLocaleSidKey": "en_US",
    }


def users(org: Org, _user: User | None) -> Iterator[Row]:
    """Active and inactive users alike."""
    for user in org.users.values():
        first, _, last = user.name.rpartition(" ")
        logins = [login.time for login in org.logins if login.username == user.username and login.outcome == "Success"]
        yield {
            "Id": user.id,
            "Username": user.username,
            "Name": user.name,
            "FirstName": first or None,
            "LastName": last,
            "Alias": user.username.partition("@")[0][:8],
            "Email": user.username,
            "IsActive": user.active,
            "ProfileId": org.id_of("00e", user.profile),
            "UserType": "Standard",
            "LanguageLocaleKey": "en_US",
            "LocaleSidKey": "en_US",
            "TimeZoneSidKey": "GMT",
            "EmailEncodingKey": "UTF-8",
            "LastLoginDate": logins[-1] if logins else None,
            **_audit(org, user.created_at, "", user.created_at),
        }


def profiles(org: Org, _user: User | None) -> Iterator[Row]:
    """Every profile that a user has or an app names."""
    for name in _profile_names(org):
        yield {
            "Id": org.id_of("00e", name),
            "Name": name,
            "UserType": "Standard",
            "UserLicenseId": org.id_of("100", profile_of(org, name).licence),
        }


def user_licences(org: Org, _user: User | None) -> Iterator[Row]:
    """UserLicense: those that the org has bought, and how many of them active users have."""
    for name, (total, used) in licences(org).items():
        yield {
            "Id": org.id_of("100", name),
            "Name": name,
            "MasterLabel": name,
            "Status": "Active",
            "TotalLicenses": total,
            "UsedLicenses": used,
        }


def _allowed(permissions: frozenset[str]) -> Row:
    return {f"Permissions{name}": name in permissions for name in PERMISSIONS}


def _profile_names(org: Org) -> list[str]:
    assigned = (name for app in org.client_apps for name in app.assigned_profiles)
    return list(dict.fromkeys([*_STANDARD_PROFILES, *(user.profile for user in org.users.values()), *assigned]))


def _permission_set_names(org: Org) -> list[str]:
    held = (name for user in org.users.values() for name in user.permission_sets)
    assigned = (name for app in org.client_apps for name in app.assigned_permission_sets)
    made = (each.label for each in org.permission_sets.values())
    metadata = (name for user in org.users.values() for name in metadata_access(org, user))
    return list(dict.fromkeys([*made, *held, *assigned, *metadata]))


def permission_sets(org: Org, _user: User | None) -> Iterator[Row]:
    """Every profile owns one, by which it is given what permission sets are given."""
    for number, name in enumerate(_profile_names(org)):
        yield {
            "Id": org.id_of("0PS", f"profile {name}"),
            "Name": f"X{number:013d}",
            "Label": f"00e{number:012d}",
            "IsOwnedByProfile": True,
            "ProfileId": org.id_of("00e", name),
            **_allowed(profile_of(org, name).permissions),
        }
    names = {each.label: each.name for each in org.permission_sets.values()}
    for name in _permission_set_names(org):
        yield {
            "Id": org.id_of("0PS", name),
            "Name": names.get(name) or name.replace(" ", "_"),
            "Label": name,
            "IsOwnedByProfile": False,
            "IsCustom": True,
            **_allowed(permissions_of(org, name)),
        }


def assignments(org: Org, _user: User | None) -> Iterator[Row]:
    """PermissionSetAssignment: of profiles, too, as each has a permission set of its own."""
    for user in org.users.values():
        for owner in (f"profile {user.profile}", *user.permission_sets, *metadata_access(org, user)):
            yield {
                "Id": org.id_of("0Pa", f"{user.id} {owner}"),
                "AssigneeId": user.id,
                "PermissionSetId": org.id_of("0PS", owner),
                "IsActive": True,
                "ExpirationDate": _time(user.set_ends.get(owner)),
            }


def _time(sent: str | None) -> datetime | None:
    return datetime.fromisoformat(sent) if sent else None


def entity_access(org: Org, _user: User | None) -> Iterator[Row]:
    """Who was given an app (facts of the metadata: profileName, permissionSetName, and their likes)."""
    for app in org.client_apps:
        owners = [*(f"profile {name}" for name in app.assigned_profiles), *app.assigned_permission_sets]
        for owner in owners if app.is_admin_approved else ():
            yield {
                "Id": org.id_of("0J0", f"{app.id} {owner}"),
                "ParentId": org.id_of("0PS", owner),
                "SetupEntityId": app.id,
                "SetupEntityType": app.entity,
            }


def applications(org: Org, _user: User | None) -> Iterator[Row]:
    """ConnectedApplication has the label as its name, and neither certificate nor consumer key."""
    for app in org.apps.values():
        yield {
            "Id": app.id,
            "Name": app.label,
            "OptionsAllowAdminApprovedUsersOnly": app.is_admin_approved,
            "OptionsHasSessionLevelPolicy": app.blocks_without_high_assurance,
            "StartUrl": app.component.get("startUrl"),
            "MobileStartUrl": app.component.get("mobileStartUrl"),
            **_audit_of(org, app),
        }


def external_applications(org: Org, _user: User | None) -> Iterator[Row]:
    """ExternalClientApplication; `ConnectedApplication` has none of them."""
    for app in org.external_apps.values():
        yield {
            "Id": app.id,
            "DeveloperName": app.name,
            "MasterLabel": app.label,
            "Language": "en_US",
            "ContactEmail": app.header.get("contactEmail"),
            "Description": app.header.get("description"),
            "DistributionState": app.header.get("distributionState", "Local"),
            "IsProtected": app.header.get("isProtected") == "true",
            **_audit_of(org, app),
        }


def menu_items(org: Org, _user: User | None) -> Iterator[Row]:
    """AppMenuItem: one for each app, in the order of the app launcher."""
    for number, app in enumerate(org.client_apps):
        yield {
            "Id": org.id_of("0DS", app.id),
            "ApplicationId": app.id,
            "Label": app.label,
            "Name": app.name,
            "Type": app.entity,
            "SortOrder": number,
            "IsAccessible": True,
            "IsVisible": True,
        }


def tokens(org: Org, user: User | None) -> Iterator[Row]:
    """What users granted to apps; the own rows only, for who may not customize the application."""
    shows_others = user is None or "CustomizeApplication" in allowed_to(org, user)
    for grant in org.grants:
        if user is None or shows_others or user.username == grant.user.username:
            is_there = grant.app.id in {app.id for app in org.client_apps}
            yield {
                "Id": None,
                "AccessToken": None,
                "AppMenuItemId": org.id_of("0DS", grant.app.id) if is_there else None,
                "AppName": grant.app.label,
                "CreatedDate": grant.created_at,
                "DeleteToken": grant.delete_token.reveal(),
                "LastUsedDate": grant.used_at,
                "RequestToken": None,
                "UseCount": grant.uses,
                "UserId": grant.user.id,
            }


def logins(org: Org, user: User | None) -> Iterator[Row]:
    """Which row a refused JWT login leaves, if any, is not documented. Others' rows need a permission."""
    settings = org.settings
    labels = {app.name: (app.label, app.client_id) for app in org.client_apps}
    for login in org.logins:
        is_unsigned = login.is_unsigned or login.outcome.endswith("invalid assertion")
        status = settings.signature_failure_status if is_unsigned else login.outcome
        shows_others = settings.logins_of_others_shown and (user is None or user.may_use_metadata)
        if status is None or (user and not shows_others and user.username != login.username):
            continue
        who = org.users.get(login.username)
        label, client_id = labels.get(login.app, (login.app.replace("_", " "), login.app))
        unsigned = {"label": label, "client_id": client_id, "none": None}[settings.signature_failure_application]
        yield {
            "Id": record_id("0Ya", login.number),
            "UserId": who.id if who else None,
            "LoginTime": login.time,
            "LoginType": settings.signature_failure_type if is_unsigned else login.type,
            "Application": unsigned if is_unsigned else label,
            "Status": status,
            "SourceIp": login.client.address,
            "ClientVersion": "N/A",
            "Browser": login.client.name or "Unknown",
            "LoginUrl": org.url.removeprefix("https://"),
            "TlsProtocol": "TLS 1.3",
        }


def sessions(org: Org, user: User | None) -> Iterator[Row]:
    """AuthSession: live ones; the own ones only, for who may not manage users."""
    kept = {login.number for login in org.logins}
    shows_others = user is None or "ManageUsers" in allowed_to(org, user)
    for session in org.sessions.live(org.clock()):
        whose = org.users.get(session.username)
        if whose is None or (user and not shows_others and user.username != session.username):
            continue
        yield {
            "Id": org.id_of("0Ak", session.token),
            "UsersId": whose.id,
            "CreatedDate": session.started_at,
            "LastModifiedDate": session.used_at,
            "NumSecondsValid": int(org.settings.session_seconds),
            "UserType": "Standard",
            "SourceIp": "127.0.0.1",
            "LoginType": "Remote Access 2.0" if session.app_id else "SOAP Partner",
            "SessionType": "Oauth2" if session.app_id else "API",
            "SessionSecurityLevel": "STANDARD",
            "LoginHistoryId": record_id("0Ya", session.login or 0) if session.login in kept else None,
        }


def certificates(org: Org, _user: User | None) -> Iterator[Row]:
    """Of Certificate the Tooling API has a date without a time, and no content."""
    for each in org.certificates:
        if each.deleted and not org.settings.deleted_rows_in_queries:
            continue
        yield {
            "Id": each.id,
            "DeveloperName": each.name,
            "MasterLabel": each.label,
            "Language": "en_US",
            "ExpirationDate": each.expires_at.date() if each.expires_at else None,
            "KeySize": each.key_bits,
            "OptionsIsCaSigned": each.ca_signed,
            "OptionsIsPrivateKeyExportable": each.exportable,
            "OptionsIsUnusable": each.unusable,
            **_audit(org, each.created_at, each.modified_by, each.modified_at),
        }


def deployments(org: Org, user: User | None) -> Iterator[Row]:
    """Of deployments, without what is in them."""
    for job in org.jobs:
        if not job.id.startswith(DEPLOYMENT) or (user and not user.may_use_metadata):
            continue
        is_over = job.is_done and job.status != "Canceled"
        yield {
            "Id": job.id,
            "Status": job.status,
            "CheckOnly": job.options["checkOnly"],
            "StartDate": job.begins if job.status == "InProgress" or is_over else None,
            "CompletedDate": job.due if is_over else None,
            "CanceledById": job.canceled_by.id if job.canceled_by else None,
            "CreatedDate": job.created_at,
            "CreatedById": job.user.id,
            "LastModifiedDate": job.due if is_over else job.created_at,
            "LastModifiedById": job.user.id,
        }


def _audit_of(org: Org, app: ClientApp) -> dict[str, Any]:
    return _audit(org, app.created_at, app.modified_by, app.modified_at)


def _audit(org: Org, created: datetime | None, by: str, modified: datetime | None) -> dict[str, Any]:
    person = org.users.get(by) or next(iter(org.users.values()), None)
    return {
        "CreatedDate": created,
        "CreatedById": person.id if person else None,
        "LastModifiedDate": modified,
        "LastModifiedById": person.id if person else None,
        "SystemModstamp": modified,
    }
