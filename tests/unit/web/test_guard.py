"""Who may ask, under which name, by which method; and what every answer forbids."""

from __future__ import annotations

import logging

import pytest
from starlette.responses import PlainTextResponse

from rotator.config.daemon import HttpSettings
from rotator.config.secrets import SecretReference
from rotator.core.secret import Secret
from rotator.errors import ConfigurationError
from rotator.web.guard import Guard
from tests.unit.web.client import Client

TOKEN = "a token of forty characters, more or less"


def guarded(token: str | None = None, **settings: object) -> Client:
    return Client(
        Guard(
            PlainTextResponse("the page"),
            settings=HttpSettings.model_validate(settings),
            token=Secret(token) if token else None,
        )
    )


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST:9465", "localhost.", "127.0.0.1:9465", "127.8.8.8", "[::1]:9465", "[::1]"]
)
def test_on_loopback_it_answers_to_names_of_this_machine(name: str) -> None:
    assert guarded().get("/", host=name).text == "the page"


@pytest.mark.parametrize(
    "name",
    ["rotator.attacker.example", "localhost.attacker.example:9465", "10.0.0.1", "", "127.0.0.1.attacker.example"],
)
def test_on_loopback_it_refuses_names_by_which_a_browser_was_led_here(name: str) -> None:
    assert guarded().get("/", host=name).status == 400


def test_on_loopback_a_request_without_a_name_is_refused() -> None:
    assert guarded().get("/", host=None).status == 400


def test_it_answers_to_the_names_that_are_configured() -> None:
    client = guarded(names=["Rotator.example.com"])
    assert client.get("/", host="rotator.EXAMPLE.com").status == 200
    assert client.get("/", host="other.example.com").status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_but_reading_is_possible(method: str) -> None:
    answer = guarded().ask(method, "/")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("address", ["/rotations/\0", "/alerts/20261127-\0", "/rotations?before=%00"])
def test_what_no_database_can_be_asked_for_is_not_there(address: str) -> None:
    assert guarded().get(address).status == 404


def test_beyond_loopback_the_pages_are_not_served_without_a_token() -> None:
    settings = HttpSettings(host="0.0.0.0", token=SecretReference(env="TOKEN"))  # noqa: S104 - the case in point
    with pytest.raises(ConfigurationError, match="open to everybody"):
        Guard(PlainTextResponse(""), settings=settings, token=None)


def test_every_page_but_health_demands_the_token() -> None:
    client = guarded(TOKEN)
    refused = client.get("/metrics")
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/healthz").status == 200
    assert client.get("/metrics", authorization=f"bearer {TOKEN}").status == 200


@pytest.mark.parametrize(
    "given", ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ÿ\x80"]
)
def test_no_other_token_is_taken(given: str) -> None:
    assert guarded(TOKEN).get("/", authorization=given).status == 401


def test_a_refusal_tells_nothing_of_the_token() -> None:
    answer = guarded(TOKEN).get("/", authorization="Bearer wrong")
    assert TOKEN not in answer.text + str(answer.headers)


def test_beyond_loopback_the_token_counts_and_not_the_name() -> None:
    settings = HttpSettings(host="192.0.2.1", token=SecretReference(env="TOKEN"))
    client = Client(Guard(PlainTextResponse("the page"), settings=settings, token=Secret(TOKEN)))
    assert client.get("/", host="anything.example", authorization=f"Bearer {TOKEN}").status == 200
    assert client.get("/", host="192.0.2.1").status == 401


@pytest.mark.parametrize("address", ["/", "/nowhere"])
def test_every_answer_forbids_scripts_frames_and_caches(address: str) -> None:
    for answer in (guarded().get(address), guarded().ask("POST", address), guarded().get(address, host="x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_page_that_fails_is_a_sentence_and_the_log_has_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(*_: object) -> None:
        raise ZeroDivisionError("internal")

    client = Client(Guard(failing, settings=HttpSettings(), token=None))
    with caplog.at_level(logging.ERROR):
        answer = client.get("/certificates")
    assert answer.status == 500
    assert "internal" not in answer.text
    assert "Traceback" not in answer.text
    assert "/certificates" in caplog.text
    assert "ZeroDivisionError" in caplog.text
