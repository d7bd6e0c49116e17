from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from rotator.alerts.plugins import open_channel
from rotator.config.plugins import Channel
from rotator.entry_points import Surroundings
from rotator.errors import ConfigurationError

SETTINGS: dict[str, dict[str, Any]] = {
    "slack": {"token": {"env": "SECRET"}, "channel": "C0123ABCD"},
    "slack-webhook": {"url": {"env": "SECRET"}},
    "email": {
        "host": "mail.example.com",
        "username": "rotator",
        "password": {"env": "SECRET"},
        "sender": "rotator@example.com",
        "to": ["ops@example.com"],
    },
    "apprise": {"url": {"env": "SECRET"}},
}
ADAPTER: TypeAdapter[Any] = TypeAdapter(Channel)


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_channel_whose_secret_is_missing_says_where_it_should_be(kind: str) -> None:
    settings = ADAPTER.validate_python({"type": kind} | SETTINGS[kind])
    with pytest.raises(ConfigurationError, match="SECRET is not set"):
        open_channel("ops", settings, Surroundings({}))


@pytest.mark.parametrize("kind", ["slack", "slack-webhook", "email"])
def test_a_channel_is_made_without_a_call_to_anybody(kind: str) -> None:
    settings = ADAPTER.validate_python({"type": kind} | SETTINGS[kind])
    channel = open_channel("ops", settings, Surroundings({"SECRET": "https://hooks.example.com/x"}))
    assert channel.name == "ops"
    assert channel.digest_from >= 2


@pytest.mark.parametrize("token", ["xoxb-1 xoxb-2", "xoxb-\u20ac", "xoxb-1\r\nX-Evil: yes"])
def test_a_token_that_no_header_can_hold_is_refused_without_repeating_it(token: str) -> None:
    settings = ADAPTER.validate_python({"type": "slack"} | SETTINGS["slack"])
    with pytest.raises(ConfigurationError, match="no bot token") as refused:
        open_channel("ops", settings, Surroundings({"SECRET": token}))
    assert "xoxb-1" not in str(refused.value)
