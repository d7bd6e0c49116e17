"""Components as Setup makes them: what an app needs for JWT logins, single sign-on settings, settings of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.simulator.org.components import returned_scopes
from rotator.simulator.org.schema.external_client_app import (
    GLOBAL_OAUTH_SETTINGS,
    OAUTH_POLICIES,
    OAUTH_SETTINGS,
    POLICIES,
)
from rotator.simulator.org.schema.feature_switches import EXTERNAL_CLIENT_APP_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

_CALLBACK = "http://localhost:1717/OauthRedirect"
_CONTACT = "admin@example.com"


def connected_app(name: str, user: User | None) -> Component:
    """A Connected App that is pre-authorised for the user's profile."""
    component: Component = {
        "contactEmail": _CONTACT,
        "label": name.replace("_", " "),
        "oauthConfig": {
            "callbackUrl": _CALLBACK,
            "isAdminApproved": "true",
            "scopes": returned_scopes(["Api", "Web", "RefreshToken"]),
        },
    }
    if user:
        component["profileName"] = [user.profile]
    return component


def external_app_header(name: str) -> Component:
    """The header of an external client app."""
    return {"contactEmail": _CONTACT, "distributionState": "Local", "label": name.replace("_", " ")}


def external_app_satellites(name: str, user: User | None) -> Mapping[str, Component]:
    """Its satellites by type, pre-authorised for the user's profile."""
    common = {"externalClientApplication": name}
    policies = {**common, "ipRelaxationPolicyType": "Enforce", "refreshTokenPolicyType": "Infinite"}
    if user:
        policies |= {
            "commaSeparatedProfile": user.profile,
            "permittedUsersPolicyType": "AdminApprovedPreAuthorized",
        }
    return {
        OAUTH_SETTINGS.name: {**common, "commaSeparatedOauthScopes": "Api, Web, RefreshToken"},
        GLOBAL_OAUTH_SETTINGS.name: {**common, "callbackUrl": _CALLBACK, "label": f"{name} global OAuth settings"},
        OAUTH_POLICIES.name: policies,
        POLICIES.name: {**common, "isEnabled": "true", "isOauthPluginEnabled": "true"},
    }


def single_sign_on(name: str) -> Component:
    """SAML single sign-on settings but for the certificate that they trust."""
    return {
        "identityLocation": "SubjectNameId",
        "identityMapping": "FederationId",
        "issuer": f"https://{name.lower().replace('_', '-')}.example/saml",
        "name": name,
        "samlEntityId": "https://saml.salesforce.com",
        "samlVersion": "SAML2_0",
    }


def feature_settings(org: Org, type_name: str) -> Component:
    """The settings of a feature: what somebody changed, and else what the org was given."""
    given = {
        "enableClientSecretInRestApiAccess": org.settings.external_secrets_over_rest,
        "enableConsumerSecretApiAccess": org.settings.external_secrets_readable,
    }
    usual = {name: "true" if value else "false" for name, value in given.items()}
    return {
        **(usual if type_name == EXTERNAL_CLIENT_APP_SETTINGS.name else {}),
        **org.features.get(type_name, {}),
    }


def shows_secrets(org: Org, switch: str) -> bool:
    """Whether the consumer secrets of external client apps are shown where this switch opens them."""
    return bool(feature_settings(org, EXTERNAL_CLIENT_APP_SETTINGS.name)[switch] == "true")
