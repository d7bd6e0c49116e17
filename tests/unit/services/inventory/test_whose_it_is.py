"""A certificate is its credential's, with what that knows of it; what nobody tells of an app is not made up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.credentials import Fingerprint, Stage
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.observed import Kind, ObservedApp, ObservedCertificate
from rotator.errors import OrgError
from rotator.history.journal.journal import Journal
from rotator.history.last_observations import LastObservations
from rotator.salesforce.inventory.org_inventory import Inventory
from rotator.salesforce.inventory.reading import Unread
from rotator.salesforce.metadata import Listing
from rotator.services.inventory.ownership import Certificates, certificates_known, owners_of
from rotator.services.inventory.vanished import LastSeen
from rotator.services.inventory.whole_looks import Unchanged, WholeLook
from tests.unit.revoked import revoke
from tests.unit.services.usage.promoted import DAY, NOW, PROMOTED, configured, seen, version

if TYPE_CHECKING:
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.history.engine.database import Database

HELD: Final = ObservedCertificate(
    org="production",
    app="Billing",
    type=Kind.EXTERNAL_APP,
    fingerprint="new",
    not_after=NOW + 300 * DAY,
    last_modified_at=PROMOTED,
)
HIDDEN: Final = replace(HELD, fingerprint="", not_after=None)
REVOKED: Final = Revocation(
    since=PROMOTED, by="alex", reason="stolen", wanted=EVERY_STEP, done=EVERY_STEP, ended_by={"Billing": "ended"}
)


def life(
    held: ObservedCertificate = HELD,
    observed: Any = None,
    revoked: Revocation | None = None,
    options: str = "",
    name: str = "billing",
) -> CertificateLife:
    known = {name: observed or seen()}
    return Certificates(configured(options), known, NOW, revoked={name: revoked} if revoked else None).life(held)


def test_it_is_its_credentials_with_its_stage_and_date() -> None:
    found = life()
    assert (found.seen.credential, found.seen.stage, found.seen.drift) == ("billing", Stage.CURRENT, False)
    assert found.due_at == NOW + 270 * DAY
    assert not found.is_revoked
    another = life(replace(HELD, fingerprint="somebody's"))
    assert (another.seen.drift, another.due_at) == (True, None), "no rotation replaces it"
    by_hand = life(options=", mode: manual").expiry
    assert by_hand
    assert by_hand.is_by_hand


def test_for_an_app_that_hides_its_certificate_the_stored_one_stands() -> None:
    hidden = ObservedApp("Billing", live=Fingerprint("new"), hidden=True)
    current = replace(version("new"), not_before=PROMOTED)
    found = life(HIDDEN, seen(apps={"Billing": hidden}, current=current)).seen
    assert (found.fingerprint, found.not_before, found.not_after) == ("new", PROMOTED, current.not_after)
    assert found.is_stored_one
    assert not found.is_unproven
    untried = seen(apps={"Billing": ObservedApp("Billing", hidden=True)}, pending=version("next"))
    assert life(HIDDEN, untried).seen.is_unproven
    older = ObservedApp("Billing", live=Fingerprint("old"), hidden=True)
    assert life(HIDDEN, seen(apps={"Billing": older})).seen.fingerprint == "old", "a login has proven it"
    shown = life(HELD, seen(apps={"Billing": hidden}, current=current)).seen
    assert (shown.is_stored_one, shown.not_before) == (False, None)


@pytest.mark.parametrize("change", [{"is_readable": False}, {"gone_at": NOW}])
def test_of_what_cannot_be_read_or_is_gone_nothing_follows(change: dict[str, Any]) -> None:
    found = life(replace(HELD, fingerprint="somebody's", **change)).seen
    assert (found.credential, found.stage, found.drift) == ("billing", None, False)


@pytest.mark.parametrize(("name", "is_standby"), [("billing", False), ("pair", None)])
def test_which_of_two_apps_is_in_use_is_not_guessed_and_one_alone_is(name: str, is_standby: bool | None) -> None:
    app = "Billing" if name == "billing" else "Pair_A"
    found = Certificates(configured(), {}, NOW).life(replace(HELD, app=app)).seen
    assert (found.credential, found.is_standby) == (name, is_standby)


def test_the_pair_of_a_client_secret_has_the_dates_of_its_age_as_the_policy_is_now() -> None:
    stored = replace(version("pair", "Secret"), not_before=PROMOTED)
    observed = seen(apps={"Secret": ObservedApp("Secret", live=stored.fingerprint, by_secret=True)}, current=stored)
    pair = ObservedCertificate(
        org="production", app="Secret", type=Kind.CLIENT_SECRET, fingerprint="pair", not_after=NOW + DAY
    )
    found = life(pair, observed, name="secret").seen
    assert (found.credential, found.not_before, found.not_after) == ("secret", PROMOTED, stored.not_after)
    another = life(replace(pair, fingerprint="somebody's"), observed, name="secret").seen
    assert another.not_after == pair.not_after
    unseen = Certificates(configured(), {}, NOW).life(pair).seen
    assert unseen.not_after == pair.not_after


class TestRevoked:
    """What ended the key of a revoked credential belongs there, and no other certificate does."""

    def test_what_ended_its_key_is_no_drift(self) -> None:
        found = life(replace(HELD, fingerprint="ended"), revoked=REVOKED)
        assert (found.is_revoked, found.seen.drift) == (True, False)
        assert life(replace(HELD, fingerprint="another"), revoked=REVOKED).seen.drift

    def test_one_whose_logins_are_accepted_again_matters(self) -> None:
        again = replace(REVOKED, accepted_at=NOW)
        assert not life(replace(HELD, fingerprint="ended"), revoked=again).is_revoked


@pytest.mark.parametrize("orgs", [None, ["production"]])
def test_what_is_known_of_credentials_is_read_from_the_history(database: Database, orgs: list[str] | None) -> None:
    LastObservations(database).put("billing", seen(), NOW, NOW)
    revoke(Journal(database), NOW, "pair")
    known = certificates_known(configured(), database, NOW, orgs)
    assert known.life(HELD).seen.stage is Stage.CURRENT
    assert known.life(replace(HELD, app="Pair_A")).is_revoked
    assert not known.life(HELD).is_revoked
    assert owners_of(configured(), ["elsewhere"]) == {}


class TestUndated:
    """Another certificate is there, though the org says that nothing was changed since."""

    @pytest.mark.parametrize(
        ("now", "before", "so"),
        [
            ({}, {}, False),
            ({"fingerprint": "another"}, {}, True),
            ({"not_after": NOW}, {}, True),
            ({"fingerprint": "another", "last_modified_at": NOW}, {}, False),
            ({"last_modified_at": None}, {"last_modified_at": None, "fingerprint": "another"}, False),
            ({}, {"is_undated": True}, True),
            ({"last_modified_at": NOW}, {"is_undated": True}, False),
            ({"fingerprint": "another"}, {"gone_at": NOW}, False),
            ({"fingerprint": "another", "is_readable": False}, {}, False),
            ({"fingerprint": "", "not_after": None}, {}, False),
            ({}, {"fingerprint": "", "not_after": None}, False),
            ({"is_usable": False}, {"not_after": None}, False),
        ],
    )
    def test_by_what_was_seen_then_and_now(self, now: dict[str, Any], before: dict[str, Any], so: bool) -> None:
        seen_now, last = replace(HELD, **now), replace(HELD, **before)
        assert LastSeen([last], NOW).dated(seen_now).is_undated is so
        assert not LastSeen([], NOW).dated(seen_now).is_undated


class TestLost:
    """What the org lists and does not show, though it was seen before, is told, and what was seen counts."""

    UNREAD = replace(HELD, app="BILLING", is_readable=False, fingerprint="", not_after=None)

    def test_what_was_last_seen_of_it_counts(self) -> None:
        last = replace(HELD, gone_at=NOW)
        completed = LastSeen([last], NOW).completed(self.UNREAD)
        assert completed == replace(HELD, app="BILLING", is_readable=False)
        assert LastSeen([], NOW).completed(self.UNREAD) is self.UNREAD
        assert LastSeen([last], NOW).completed(HELD) is HELD

    def test_each_is_told_with_what_to_do_about_it(self) -> None:
        others = [
            replace(HELD, app="Gone", gone_at=NOW),
            replace(HELD, app="Told"),
            replace(HELD, app="Other"),
            replace(HELD, app="Odd", type="Something"),
        ]
        entries = [replace(each, is_readable=False, gone_at=None) for each in others]
        last = LastSeen([HELD, *others], NOW)
        unread = [Unread(Kind.EXTERNAL_APP, OrgError("It was refused."), "Told")]
        first, second = last.lost(Inventory((*entries, HELD, self.UNREAD), tuple(unread)))
        assert [first.app, second.app] == ["Other", "BILLING"]
        assert first.error.effect == "The rest of the org was read."
        assert first.error.hint.startswith("See in Setup whether")


def test_what_was_last_seen_stands_for_what_has_the_same_date_whoever_changed_it() -> None:
    listing = Listing(Kind.EXTERNAL_APP, "Billing", "Kim", PROMOTED)
    bare = replace(HELD, fingerprint="", not_after=None)
    assert Unchanged(WholeLook(NOW), [bare], [])(listing) == [replace(bare, last_modified_by="Kim")]
    assert Unchanged(WholeLook(NOW), [bare], ["Billing"])(listing) is None
