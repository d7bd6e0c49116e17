"""A channel that cannot be used, or refuses, costs the others nothing and is told of by them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.alerts.base import DeliveryFailed
from rotator.core.attempts import DELIVER
from rotator.errors import ConfigurationError
from tests.tiers import longer
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from rotator.history.engine.database import Database

pytestmark = longer

TWO = "}\n    ops: {type: slack-webhook, url: {env: ELSEWHERE}"
REFUSES = DeliveryFailed("The token was revoked.", hint="Make another.", transient=False)


class Refuses:
    """A channel that takes nothing."""

    has_threads = True
    digest_from = 100

    def send(self, *_: object, **__: object) -> str:
        raise REFUSES


def refuses() -> Any:
    return Refuses()


def has_no_secret() -> Any:
    raise ConfigurationError("The environment variable WEBHOOK is not set.", hint="Export WEBHOOK.")


def has_a_fault() -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("slack", [refuses, has_no_secret, has_a_fault])
def test_a_channel_that_cannot_be_used_is_told_of_by_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch, slack: Any
) -> None:
    one = cycle_bench(database, channel=TWO)
    one.bench.use("Billing")
    one.work()
    monkeypatch.setattr(one.outside, "channel", lambda name: slack() if name == "slack" else one.outside)
    one.bench.use("Billing")
    one.bench.live["Billing"] = None
    one.bench.time += one.context.settings.daemon.inventory_every * 2
    one.work()
    titles = [message.title for message in one.outside.told]
    assert "The channel slack does not accept messages" in titles
    assert "Somebody changed Billing in production: consumers of billing are refused" in titles
    assert len(titles) == len(set(titles))
    assert set(one.context.history.outbox.pending()) == {"slack"}


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 60), (1.0, 45)])
def test_chance_shortens_the_pause_of_a_channel_that_is_away(database: Database, chance: float, seconds: float) -> None:
    """So that many services whose channel was away do not all come back to it in the same moment."""
    one = cycle_bench(database, random=lambda: chance)
    one.bench.use("Billing")
    one.work()
    one.bench.live["Billing"] = None
    one.bench.time += one.context.settings.daemon.inventory_every * 2
    one.outside.channel_fails = DeliveryFailed("No answer.", hint="Wait.")
    one.work()
    attempt = one.context.history.attempts.get(DELIVER, "slack")
    assert attempt.last_at
    assert attempt.next_at == attempt.last_at + timedelta(seconds=seconds)
