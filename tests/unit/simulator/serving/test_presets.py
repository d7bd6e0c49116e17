"""Every preset is an org in which a program can rotate, and what differs between them is what they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rotator.cli.commands.simulator import serve
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.serving.presets import PRESETS
from rotator.simulator.serving.scenario import two_orgs
from tests.unit.simulator.helpers import StandingClock, call, seeded, texts

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
