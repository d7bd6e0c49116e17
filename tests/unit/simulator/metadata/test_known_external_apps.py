"""Facts of external client apps (tests/unit/simulator/facts.py) that no other test here shows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.simulator.metadata.types.registry import TYPES
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.org.schema.external_client_app import FIRST_VERSION
from rotator.simulator.wire.soap import METADATA
from tests.unit.simulator.helpers import call, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair


def global_settings(org: Org) -> etree._Element:
    """The component of the one external client app's global OAuth settings."""
    satellite = org.external_app("Shipping").satellites["ExtlClntAppGlobalOauthSettings"]
    name = f"<fullNames>{satellite.name}</fullNames>"
    return call(org, f"<readMetadata><type>ExtlClntAppGlobalOauthSettings</type>{name}</readMetadata>", version="61.0")[
        0
    ][0]


EXTERNAL_VERSIONS = {
    "ExtlClntAppGlobalOauthSettings": {
        "certificate": 60,
        "isClientCredentialsFlowEnabled": 60,
        "isCodeCredFlowEnabled": 61,
        "isCodeCredPostOnly": 61,
        "isDeviceFlowEnabled": 60,
        "isNamedUserJwtEnabled": 61,
        "isRefreshTokenRotationEnabled": 60,
        "isSecretRequiredForTokenExchange": 60,
        "isTokenExchangeEnabled": 60,
    },
    "ExtlClntAppOauthSettings": {
        "areAttributesIncludedInAssetToken": 61,
        "areCustomPermsIncludedInAssetToken": 61,
        "assetTokenAudiences": 61,
        "assetTokenSigningCertificate": 61,
        "assetTokenValidity": 61,
    },
    "ExtlClntAppOauthConfigurablePolicies": {
        "apexHandler": 61,
        "clientCredentialsFlowUser": 60,
        "commaSeparatedCustomScopes": 61,
        "executeHandlerAs": 61,
        "guestJwtSessionTimeoutType": 65,
        "guestJwtTimeout": 61,
        "isClientCredentialsFlowEnabled": 60,
        "isGuestCodeCredFlowEnabled": 61,
        "isTokenExchangeFlowEnabled": 60,
        "namedUserJwtSessionTimeoutType": 65,
        "namedUserJwtTimeout": 61,
    },
    "ExtlClntAppConfigurablePolicies": {
        "isCanvasPluginEnabled": 66,
        "isMobilePluginEnabled": 63,
        "isNotificationPluginEnabled": 63,
        "isPushPluginEnabled": 63,
        "isSamlPluginEnabled": 63,
        "startPage": 63,
        "startUrl": 63,
    },
}
"""Of the Metadata API Developer Guide; a type's other fields came with it."""


@pytest.mark.fact("5.1c")
@pytest.mark.parametrize("type_name", EXTERNAL_VERSIONS)
def test_a_field_of_an_external_client_app_comes_with_its_version(org: Org, type_name: str) -> None:
    def described(version: int) -> set[str | None]:
        body = f"<describeValueType><type>{{{METADATA}}}{type_name}</type></describeValueType>"
        return {*texts(call(org, body, version=f"{version}.0"), "name")}

    for name, since in EXTERNAL_VERSIONS[type_name].items():
        assert name in described(since)
        assert name not in described(since - 1)
    kind = TYPES[type_name].schema
    assert {each.name: each.since for each in kind.fields if each.since > FIRST_VERSION} == EXTERNAL_VERSIONS[type_name]


@pytest.mark.fact("5.1d")
def test_the_org_makes_what_ties_an_external_client_app_to_it(org: Org) -> None:
    org.add_external_app("Shipping")
    told: dict[str, str | None] = {}
    for type_name, name in (("ExternalClientApplication", "Shipping"), ("ExtlClntAppOauthSettings", "Shipping_oauth")):
        body = f"<readMetadata><type>{type_name}</type><fullNames>{name}</fullNames></readMetadata>"
        told |= {etree.QName(each).localname: each.text for each in call(org, body)[0][0]}
    assert told["orgScopedExternalApp"] == f"{org.id}:Shipping"
    assert str(told["oauthLink"]).startswith(f"{org.id[:15]}:")


@pytest.mark.fact("5.2c")
def test_the_certificate_is_what_allows_jwt_logins_through_an_external_client_app(
    org: Org, key_pairs: tuple[KeyPair, ...], assertion: Callable[..., dict[str, str]]
) -> None:
    app = org.add_external_app("Shipping", username="billing@acme.example")
    assert b"invalid assertion" in answer_login(org, assertion(iss=app.client_id)).body
    org.put_certificate("Shipping", key_pairs[0][1])
    assert answer_login(org, assertion(iss=app.client_id)).status == 200


@pytest.mark.fact("5.2e", "5.5a")
def test_global_oauth_settings_have_every_switch_and_pkce_is_on(org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
    org.add_external_app("Shipping", certificate=key_pairs[0][1])
    org.settings = replace(org.settings, external_certificate_returned="never")
    told = {etree.QName(each).localname: each.text for each in global_settings(org)}
    assert [*told] == [
        *("fullName", "callbackUrl", "consumerKey", "externalClientApplication", "isClientCredentialsFlowEnabled"),
        *("isCodeCredFlowEnabled", "isCodeCredPostOnly", "isConsumerSecretOptional", "isDeviceFlowEnabled"),
        *("isIntrospectAllTokens", "isNamedUserJwtEnabled", "isPkceRequired", "isRefreshTokenRotationEnabled"),
        *("isSecretRequiredForRefreshToken", "isSecretRequiredForTokenExchange", "isTokenExchangeEnabled"),
        *("label", "shouldRotateConsumerKey", "shouldRotateConsumerSecret"),
    ]
    assert [name for name, text in told.items() if text == "true"] == [
        "isPkceRequired",
        "isSecretRequiredForRefreshToken",
    ]
