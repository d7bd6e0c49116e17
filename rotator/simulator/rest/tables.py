"""The objects that can be asked for in queries: their fields, and what each is."""

from __future__ import annotations

from typing import Final

from rotator.simulator.org.jobs import DEPLOYMENT
from rotator.simulator.rest import rows
from rotator.simulator.rest.sobjects import (
    AUDIT,
    ID,
    Child,
    SField,
    SObject,
    SObjects,
    booleans,
    numbers,
    plain,
    reference,
    times,
)
from rotator.simulator.rest.user_rights import PERMISSIONS

KEPT_TOKENS: Final = 2500
"""Rows of OauthToken that a query returns in all (Object Reference, OauthToken)."""

_APPLICATION_FIELDS: Final = (
    ID,
    SField("Name"),
    *AUDIT,
    *plain("MobileSessionTimeout", "MobileStartUrl"),
    *numbers("NamedUserUvidTimeout"),
    *booleans("OptionsAllowAdminApprovedUsersOnly", "OptionsCodeCredentialGuestEnabled"),
    *booleans("OptionsFullContentPushNotifications", "OptionsHasSessionLevelPolicy", "OptionsIsInternal"),
    *booleans("OptionsRefreshTokenValidityMetric", "OptionsTokenExchangeManageBitEnabled"),
    *numbers("PinLength", "RefreshTokenValidityPeriod"),
    *plain("StartUrl"),
    *numbers("UvidTimeout"),
)
_NOT_FILTERABLE: Final = ("Application", "Browser", "ClientVersion", "ApiType", "ApiVersion", "Platform", "Status")
"""Object Reference, LoginHistory, Properties and Usage."""
_LOGIN_FIELDS: Final = (
    ID,
    reference("UserId", "User"),
    *times("LoginTime"),
    *(SField(name, "picklist") for name in ("LoginType", "LoginSubType")),
    *plain("SourceIp", "LoginUrl", "AuthenticationServiceId", "LoginGeoId"),
    *(SField("AuthMethodReference", since=51), SField("ForwardedForIp", since=61)),
    *plain("CipherSuite", "TlsProtocol", "CountryIso", "NetworkId"),
    *booleans("OptionsIsGet", "OptionsIsPost"),
    *(SField(name, filterable=False) for name in _NOT_FILTERABLE),
)

_DATA: Final = (
    SObject(
        "Organization",
        "00D",
        (
            *(ID, SField("Name"), *booleans("IsSandbox", "IsReadOnly")),
            *plain("OrganizationType", "InstanceName", "NamespacePrefix", "LanguageLocaleKey", "TimeZoneSidKey"),
            *plain("DefaultLocaleSidKey", "PrimaryContact", "Country"),
            *times("TrialExpirationDate"),
        ),
        rows.organizations,
    ),
    SObject(
        "User",
        "005",
        (
            ID,
            *plain("Username", "Name", "FirstName", "LastName", "Alias"),
            SField("Email", "email"),
            *booleans("IsActive"),
            reference("ProfileId", "Profile"),
            *plain("UserRoleId", "UserType", "LanguageLocaleKey", "LocaleSidKey", "TimeZoneSidKey", "EmailEncodingKey"),
            *times("LastLoginDate"),
            *AUDIT,
        ),
        rows.users,
        children=(Child("PermissionSetAssignments", "PermissionSetAssignment", "AssigneeId"),),
    ),
    SObject(
        "Profile",
        "00e",
        (ID, *plain("Name", "UserType", "Description"), reference("UserLicenseId", "UserLicense")),
        rows.profiles,
        children=(Child("Users", "User", "ProfileId"),),
    ),
    SObject(
        "UserLicense",
        "100",
        (
            ID,
            *plain("Name", "MasterLabel", "LicenseDefinitionKey", "Status"),
            *numbers("TotalLicenses"),
            # From 64.0 on.
            SField("UsedLicenses", "int", filterable=False),
        ),
        rows.user_licences,
        since=37,
    ),
    SObject(
        "PermissionSet",
        "0PS",
        (
            ID,
            *plain("Name", "Label"),
            *booleans("IsOwnedByProfile", "IsCustom"),
            *booleans(*(f"Permissions{name}" for name in PERMISSIONS)),
            reference("ProfileId", "Profile"),
        ),
        rows.permission_sets,
        children=(
            Child("Assignments", "PermissionSetAssignment", "PermissionSetId"),
            Child("SetupEntityAccessItems", "SetupEntityAccess", "ParentId"),
        ),
    ),
    SObject(
        "PermissionSetAssignment",
        "0Pa",
        (
            ID,
            reference("AssigneeId", "User"),
            reference("PermissionSetId", "PermissionSet"),
            *plain("PermissionSetGroupId"),
            *booleans("IsActive"),
            *times("ExpirationDate"),
        ),
        rows.assignments,
    ),
    SObject(
        "SetupEntityAccess",
        "0J0",
        (ID, reference("ParentId", "PermissionSet"), *plain("SetupEntityId", "SetupEntityType")),
        rows.entity_access,
    ),
    SObject("ConnectedApplication", "0H4", _APPLICATION_FIELDS, rows.applications, complete=True),
    SObject(
        "ExternalClientApplication",
        "0xI",
        (
            ID,
            *plain("DeveloperName", "MasterLabel", "Language", "NamespacePrefix", "ContactEmail", "Description"),
            *plain("DistributionState"),
            *booleans("IsProtected"),
            *AUDIT,
        ),
        rows.external_applications,
    ),
    SObject(
        "AppMenuItem",
        "0DS",
        (
            ID,
            *plain("ApplicationId", "Label", "Name", "Type", "StartUrl"),
            *numbers("SortOrder"),
            *booleans("IsAccessible", "IsVisible"),
        ),
        rows.menu_items,
    ),
    SObject(
        "OauthToken",
        "0CR",
        (
            ID,
            *plain("AccessToken"),
            reference("AppMenuItemId", "AppMenuItem"),
            *plain("AppName"),
            *times("CreatedDate"),
            *plain("DeleteToken"),
            *times("LastUsedDate"),
            *plain("RequestToken"),
            *numbers("UseCount"),
            reference("UserId", "User"),
        ),
        rows.tokens,
        complete=True,
        most_rows=KEPT_TOKENS,
        batch=500,
    ),
    SObject("LoginHistory", "0Ya", _LOGIN_FIELDS, rows.logins, complete=True),
    SObject(
        "AuthSession",
        "0Ak",
        (
            ID,
            SField("UsersId", "reference"),
            *times("CreatedDate", "LastModifiedDate"),
            *numbers("NumSecondsValid"),
            *(SField(name, "picklist") for name in ("UserType", "LoginType", "SessionType", "SessionSecurityLevel")),
            *plain("SourceIp", "LogoutUrl", "ParentId", "LoginGeoId"),
            reference("LoginHistoryId", "LoginHistory"),
            SField("IsCurrent", "boolean", since=37),
        ),
        rows.sessions,
        since=29,
    ),
)
_TOOLING: Final = (
    SObject(
        "Certificate",
        "0P1",
        (
            ID,
            *plain("DeveloperName", "MasterLabel", "Language", "NamespacePrefix"),
            SField("ExpirationDate", "date"),
            *numbers("KeySize"),
            *booleans("OptionsIsCaSigned", "OptionsIsPrivateKeyExportable", "OptionsIsUnusable"),
            *AUDIT,
        ),
        rows.certificates,
        complete=True,
        since=37,
    ),
    SObject(
        "DeployRequest",
        DEPLOYMENT,
        (
            ID,
            *(SField(name, "picklist") for name in ("Status", "Type")),
            *booleans("CheckOnly", "IgnoreWarnings", "RollbackOnError", "RunTestsEnabled"),
            *times("StartDate", "CompletedDate"),
            *numbers("NumberComponentErrors", "NumberComponentsDeployed", "NumberComponentsTotal"),
            *numbers("NumberTestErrors", "NumberTestsCompleted", "NumberTestsTotal"),
            *plain("ErrorMessage", "ErrorStatusCode", "StateDetail", "CanceledById"),
            *AUDIT,
        ),
        rows.deployments,
        since=49,
    ),
)
TABLES: Final[SObjects] = {each.name: each for each in _DATA}
"""The objects of the REST API (Object Reference)."""
TOOLING_TABLES: Final[SObjects] = {each.name: each for each in _TOOLING}
"""The objects of the Tooling API (Tooling API, Certificate)."""
