"""A SOCKS proxy in the environment is named by everything that calls out, in a sentence, and nothing is tried again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.alerts.heartbeat import send_heartbeat
from rotator.alerts.plugins import open_channel
from rotator.config.plugins import channel_settings
from rotator.core.secret import Secret
from rotator.entry_points import Surroundings
from rotator.errors import OrgError, OrgUnavailable, StoreError, StoreUnavailable
from rotator.salesforce.transport import Transport
from rotator.stores.plugins import store_plugin
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from rotator.alerts.base import Channel
    from rotator.stores.base import Store

SAID: Final = "its proxy is a SOCKS proxy, which is not supported"
ENVIRON: Final = {"TOKEN": "xoxb-1234567890-abcdefgh", "HOOK": "https://hooks.slack.com/services/T0/B0/xyz"}


@pytest.fixture(autouse=True)
def _socks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5h://127.0.0.1:9")
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.fixture
def around() -> Surroundings:
    time = VirtualTime()
    return Surroundings(ENVIRON, lambda: datetime(2026, 11, 23, tzinfo=UTC), time.sleep, elapsed=time.elapsed)


def store(kind: str, around: Surroundings, **settings: object) -> Store:
    plugin = store_plugin(kind)
    return plugin.open("keys", plugin.settings().model_validate({"type": kind, **settings}), around)


def channel(kind: str, around: Surroundings, **settings: object) -> Channel:
    read = channel_settings(kind).model_validate({"type": kind, **settings})
    return open_channel("ops", read, around)


def test_of_an_org() -> None:
    with pytest.raises(OrgError, match=SAID) as refused:
        Transport().get("https://acme.my.salesforce.com/services/data", token=Secret("00D!x"))
    assert not isinstance(refused.value, OrgUnavailable)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("vault", {"address": "https://vault.example:8200", "path": "x", "login": {"token": {"env": "TOKEN"}}}),
        ("aws", {"prefix": "x/", "region": "eu-central-1", "attempts": 1}),
    ],
)
def test_of_a_store(around: Surroundings, kind: str, settings: dict[str, object]) -> None:
    opened = store(kind, around, **settings)
    with pytest.raises(StoreError, match=SAID) as refused:
        opened.stages("billing")
    assert not isinstance(refused.value, StoreUnavailable)
    assert "HTTPS_PROXY" in refused.value.hint


def test_of_slack(around: Surroundings) -> None:
    opened = channel("slack", around, token={"env": "TOKEN"}, channel="#ops")
    with pytest.raises(DeliveryFailed, match=SAID) as refused:
        opened.check()
    assert not refused.value.transient
    assert "HTTPS_PROXY" in refused.value.hint


def test_of_the_heartbeat() -> None:
    with pytest.raises(DeliveryFailed, match=SAID):
        send_heartbeat(Secret("https://monitor.example/ping"), timeout=1.0)
