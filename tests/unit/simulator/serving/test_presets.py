"""Every preset is an org in which a program can rotate, and what differs between them is what they say."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from rotator.cli.commands.simulator import serve
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.serving.presets import PRESETS
from rotator.simulator.serving.scenario import two_orgs
from tests.unit.simulator.helpers import StandingClock, call, seeded, texts
from tests.unit.simulator.metadata.files import deployed, manifest, retrieve

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair

READ = "<readMetadata><type>ExtlClntAppGlobalOauthSettings</type><fullNames>{}</fullNames></readMetadata>"


@pytest.fixture(params=sorted(PRESETS))
def preset(request: pytest.FixtureRequest, org: Org) -> str:
    """The name of each preset in turn; the org is like it."""
    name: str = request.param
    org.settings = PRESETS[name].settings
    return name


def test_the_command_offers_them_all() -> None:
    [choice] = [parameter.type for parameter in serve.params if parameter.name == "like"]
    assert choice.choices == tuple(PRESETS)  # type: ignore[attr-defined] # a Choice


def test_new_orgs_have_external_client_apps_where_the_preset_says_so(
    preset: str, key_pairs: tuple[KeyPair, ...]
) -> None:
    has = PRESETS[preset].has_external_apps
    orgs = two_orgs(clock=StandingClock(), random=seeded(), new_key=lambda: key_pairs[0][0], external_apps=has)
    assert [bool(org.external_apps) for org in orgs] == [has, has]


def test_connected_apps_are_read_and_replaced_in_all(preset: str, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
    assert preset
    org.put_certificate("Billing", key_pairs[1][1])
    answer = call(org, "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>")
    assert texts(answer, "certificate") == [key_pairs[1][1].base64]


@pytest.mark.fact("4.3j")
def test_a_wrong_key_an_unknown_one_and_what_comes_back(
    preset: str, org: Org, key_pairs: tuple[KeyPair, ...], assertion: Callable[..., dict[str, str]]
) -> None:
    app = org.add_external_app("Shipping", certificate=key_pairs[0][1], username="billing@acme.example")
    wrong = json.loads(answer_login(org, assertion(iss=app.client_id, key=key_pairs[1][0])).body)
    unknown = json.loads(answer_login(org, assertion(iss="3MVG9unknown")).body)
    [satellite] = [each for name, each in app.satellites.items() if "Global" in name]
    certificates = texts(call(org, READ.format(satellite.name)), "certificate")
    told = (wrong["error_description"], unknown["error"], bool(certificates), satellite.name)
    assert (
        told
        == {
            "connected-apps-2024": ("invalid assertion", "invalid_client_id", True, "Shipping_glbloauth"),
            "spring-26": ("invalid assertion", "app_not_found", True, "Shipping_glbloauth"),
            "eca-unreadable": ("invalid assertion", "app_not_found", False, "Shipping_glbloauth"),
            "eca-other-words": ("invalid client credentials", "app_not_found", True, "ShippingGlblOAuth"),
        }[preset]
    )


TYPES = (
    "ExternalClientApplication",
    "ExtlClntAppOauthSettings",
    "ExtlClntAppGlobalOauthSettings",
    "ExtlClntAppOauthConfigurablePolicies",
    "ExtlClntAppConfigurablePolicies",
)


def retrieved(org: Org) -> dict[str, str]:
    """All of the org's external client apps, as files."""
    _, files = retrieve(org, manifest(**dict.fromkeys(TYPES, "*")), more="<singlePackage>true</singlePackage>")
    return files


def test_external_client_apps_go_round_as_files(preset: str, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
    """What comes back is deployed and comes back the same, but for a certificate that the org does not show."""
    app = org.add_external_app("Shipping", certificate=key_pairs[0][1], username="billing@acme.example")
    files = retrieved(org)
    assert len(files) == len(TYPES) + 1
    shows = PRESETS[preset].settings.external_certificate_returned == "always"
    assert deployed(org, files) == ("Succeeded", [])
    assert app.live_certificate == (key_pairs[0][1] if shows else None)
    assert retrieved(org) == files
    [name] = [each for each in files if each.endswith(".ecaGlblOauth")]
    line = f"<certificate>{key_pairs[1][1].pem}</certificate>"
    text = re.sub(r"(</callbackUrl>\s*)(?:<certificate>.*</certificate>)?", rf"\1{line}", files[name], flags=re.DOTALL)
    assert deployed(org, {**files, name: text}) == ("Succeeded", [])
    assert app.live_certificate == key_pairs[1][1]
    assert (key_pairs[1][1].base64[:40] in retrieved(org)[name]) == shows


def test_an_external_client_app_can_be_made_from_files_alone(
    preset: str, org: Org, key_pairs: tuple[KeyPair, ...]
) -> None:
    app = org.add_external_app("Shipping", certificate=key_pairs[0][1])
    files = {
        name.replace("Shipping", "Fleet"): text.replace("Shipping", "Fleet") for name, text in retrieved(org).items()
    }
    [name] = [each for each in files if each.endswith(".ecaGlblOauth")]
    files[name] = re.sub("<consumerKey>.*</consumerKey>", "", files[name])
    assert deployed(org, files) == ("Succeeded", []), preset
    made = org.external_app("Fleet")
    assert made.client_id
    assert made.client_id != app.client_id
    assert set(made.satellites) == set(TYPES[1:])


def test_updates_of_external_client_apps_are_taken_where_the_preset_says_so(
    preset: str, org: Org, key_pairs: tuple[KeyPair, ...]
) -> None:
    app = org.add_external_app("Shipping", certificate=key_pairs[0][1])
    [name] = [each.name for each in app.satellites.values() if "Global" in each.type]
    component = (
        f"<fullName>{name}</fullName><certificate>{key_pairs[1][1].base64}</certificate>"
        "<externalClientApplication>Shipping</externalClientApplication>"
    )
    body = f'<metadata xsi:type="ExtlClntAppGlobalOauthSettings">{component}</metadata>'
    answer = call(org, f"<updateMetadata>{body}</updateMetadata>")
    is_taken = PRESETS[preset].settings.external_apps_updatable
    assert texts(answer, "success") == ["true" if is_taken else "false"]
    assert app.live_certificate == key_pairs[1 if is_taken else 0][1]
