"""A client secret is shown with the pair that its consumer has just now, and with the ends that follow from its age."""

from __future__ import annotations

from typing import Final

from rotator.core.observed import Kind, KnownVersion, ObservedApp
from rotator.core.secret import Secret
from rotator.salesforce.client_secrets import Pair, Pairs, Second, State
from rotator.services.inventory.live_pairs import with_pairs
from tests.unit.services.usage.promoted import DAY, PROMOTED, configured, seen

USED, OLD = (Pair(f"key {number}", Secret(f"secret {number}")) for number in range(2))
PAIRS: Final = Pairs(USED, Second("2", OLD, State.ROTATED))
AGE: Final = configured().credentials["secret"].max_age


def stored_pair(pair: Pair) -> KnownVersion:
    return KnownVersion(pair.fingerprint, "Secret", pair.fingerprint, PROMOTED + DAY, PROMOTED)


def test_what_the_consumer_has_stands_in_its_place() -> None:
    settings = configured().credentials["secret"]
    stored = seen(
        apps={"Secret": ObservedApp("Secret", readable=False)}, current=stored_pair(USED), previous=stored_pair(OLD)
    )
    asked: list[tuple[str, str]] = []

    def read(org: str, app: str) -> Pairs:
        asked.append((org, app))
        return PAIRS

    found, place = with_pairs(settings, stored, read)
    assert asked == [("production", "Secret")]
    assert found.apps == {"Secret": PAIRS.observed("Secret")}
    assert (place.type, place.app, place.fingerprint) == (Kind.CLIENT_SECRET, "Secret", USED.fingerprint)
    assert (place.not_before, place.not_after) == (PROMOTED, PROMOTED + AGE)
