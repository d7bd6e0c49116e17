"""What a run sees of a credential: what its apps show, or else what the history says was sent to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Fingerprint, Stages
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.decision.observations import Observation
from rotator.core.decision.policies import FRESHNESS
from rotator.core.observed import Kind, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.core.usage.retirement import NOT_CONFIRMED, Confirmation
from rotator.errors import ConfigurationError, OrgError, StoreError, StoreUnavailable
from rotator.salesforce.apps.app import App
from rotator.services.rotation.observer import LastLook, Observer, Recheck, holding, observed_app
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.unit.services.bench import Bench


def with_pending(one: Bench) -> Fingerprint:
    version = one.version("Billing", key=one.new_key())
    one.store.put_pending(version)
    return version.fingerprint


@pytest.mark.parametrize(
    ("sent", "is_ours"),
    [("nothing", False), ("a throwaway one", True), ("pending", True), ("another", False)],
)
@pytest.mark.parametrize("hides", [False, True])
def test_an_app_that_hides_its_certificate_holds_what_it_was_sent_last(
    one: Bench, sent: str, *, is_ours: bool, hides: bool
) -> None:
    said: dict[str, dict[str, Fingerprint | None]] = {
        "nothing": {},
        "a throwaway one": {"Billing": None},
        "pending": {"Billing": with_pending(one)},
        "another": {"Billing": Fingerprint("f" * 64)},
    }
    asked: list[str] = []

    def last_sent() -> Mapping[str, Fingerprint | None]:
        asked.append(sent)
        return said[sent]

    one.hiding = {"Billing"} if hides else set()
    observer = Observer(replace(one.credential_context, last_sent=last_sent))
    app = observer.observe().apps["Billing"]
    assert (app.hidden, app.ours) == (hides, is_ours and hides)
    observer.observe()
    assert len(asked) == int(hides), "while the lock is held nobody else sends anything"


def test_without_a_pending_version_nothing_but_a_throwaway_certificate_is_ours(one: Bench) -> None:
    one.hiding = {"Billing"}
    sent = {"Billing": one.current.fingerprint}
    assert not Observer(replace(one.credential_context, last_sent=lambda: sent)).observe().apps["Billing"].ours


def test_what_is_noted_of_apps_says_of_which_kind_they_are(one: Bench) -> None:
    noted: list[tuple[ObservedCredential, Sequence[ObservedCertificate]]] = []
    one.external = {"Billing"}
    observer = Observer(replace(one.credential_context, note=lambda *both: noted.append(both)))
    observer.note()
    assert noted == [], "nothing was observed yet"
    seen = observer.observe()
    observer.note()
    proven = replace(seen, gap_is_open=True)
    observer.note(proven)
    [(first, held), (second, _)] = noted
    assert (first, second) == (seen, proven)
    assert [(each.org, each.app, each.type, each.fingerprint) for each in held] == [
        ("production", "Billing", Kind.EXTERNAL_APP, one.current.fingerprint)
    ]


def test_an_app_that_hides_is_not_taken_for_one_without_a_certificate() -> None:
    app = App(Kind.EXTERNAL_APP, "Billing", "", None, None, hides_certificate=True)
    assert holding("production", "Billing", app).type is Kind.EXTERNAL_APP
    assert observed_app("Billing", app) == ObservedApp("Billing", hidden=True)
    assert observed_app("Billing", replace(app, kind=Kind.APP, hides_certificate=False)) == ObservedApp("Billing")
    assert observed_app("Billing", None) == ObservedApp("Billing", readable=False)


def test_an_open_gap_is_part_of_what_is_observed_and_so_is_whose_it_is(one: Bench) -> None:
    seen = Observer(one.credential_context).observe()
    assert (seen.gap_is_open, seen.credential) == (False, "billing")
    one.journal.record("upload_begins", now=MOMENT, credential="billing", opens_gap=True)
    assert Observer(one.credential_context).observe().gap_is_open


def test_what_consumers_have_confirmed_counts_for_the_version_that_they_confirmed(one: Bench) -> None:
    confirmed = Confirmation(MOMENT)
    asked: list[ObservedCredential] = []

    def confirmation(seen: ObservedCredential) -> Confirmation:
        asked.append(seen)
        return confirmed

    observer = Observer(replace(one.credential_context, confirmation=confirmation))
    assert observer.observe().confirmation is confirmed
    assert observer.observe().confirmation is confirmed
    one.use("Billing")
    assert observer.observe().confirmation is NOT_CONFIRMED
    assert len(asked) == 1


def test_a_store_that_is_empty_all_at_once_may_not_be_mounted(one: Bench) -> None:
    observer = Observer(one.credential_context)
    observer.observe()
    one.store.staged = Stages()
    with pytest.raises(StoreUnavailable) as caught:
        observer.observe()
    assert caught.value.effect == "What the app holds stays as it is."
    assert "a file system that is not mounted looks like an empty one" in caught.value.hint


def test_a_store_that_gives_another_version_than_it_was_asked_for_is_not_believed(one: Bench) -> None:
    other = one.version("Billing")
    one.store.versions[one.current.fingerprint] = other
    with pytest.raises(StoreError, match="gave another version than") as caught:
        Observer(one.credential_context).observe()
    assert (caught.value.effect, caught.value.hint) == ("Nothing was changed.", "Run `rotator check`.")


def test_the_consumer_key_is_the_apps_or_else_that_of_a_stored_version_of_it(one: Bench) -> None:
    observer = Observer(one.credential_context)
    observer.observe()
    assert observer.client_id("Billing") == "key of Billing"
    one.client_ids["Billing"] = "another"
    observer.observe()
    assert observer.client_id("Billing") == "another"
    assert observer.has_old_client_id(one.current.fingerprint)
    one.client_ids["Billing"] = ""
    observer.observe()
    assert observer.client_id("Billing") == "key of Billing"
    assert not observer.has_old_client_id(one.current.fingerprint), "who shows none has no other"


def test_of_an_app_that_was_never_shown_a_stored_version_tells_the_consumer_key(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one, "read", lambda _: None)
    observer = Observer(one.credential_context)
    assert not observer.observe().apps["Billing"].readable
    assert observer.client_id("Billing") == "key of Billing"
    assert not observer.has_old_client_id(one.current.fingerprint)
    with pytest.raises(OrgError, match="does not show the consumer key of the app Other") as caught:
        observer.client_id("Other")
    assert caught.value.effect == "Nothing was changed."
    assert caught.value.hint == "The app needs OAuth settings, and the management user the right to see them."


def test_the_consumer_key_of_an_app_that_is_not_shown_any_more_is_known_still(
    one: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.client_ids["Billing"] = "another"
    observer = Observer(one.credential_context)
    observer.observe()
    monkeypatch.setattr(one, "read", lambda _: None)
    observer.observe()
    assert observer.client_ids == {"Billing": "another"}
    assert [app.full_name for app in observer.apps] == ["Billing"]


@pytest.mark.parametrize("is_read", [False, True])
def test_apps_that_were_just_read_are_not_read_again_for_where_they_log_in(one: Bench, *, is_read: bool) -> None:
    one.external = {"Billing"}
    context = one.credential_context
    context = replace(context, org=context.org.model_copy(update={"login_url": "https://login.salesforce.com"}))
    reads: list[Sequence[str]] = []

    class Reading:
        def read_all(self, names: Sequence[str]) -> list[App | None]:
            reads.append(names)
            return one.read_all(names)

    context = replace(context, apps=Reading())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="takes no logins by way of login"):
        context.refuse_generic_host(one.read_all(["Billing"]) if is_read else None)
    assert len(reads) == int(not is_read)


def seen(**apps: Any) -> Observation:
    return Observation({"Billing": ObservedApp("Billing", **apps)})


UPLOAD, VERIFY = (Action(kind, "") for kind in (ActionKind.UPLOAD, ActionKind.VERIFY))


def test_a_look_serves_for_what_follows_from_it_while_it_is_new() -> None:
    look = LastLook()
    assert not look.serves(UPLOAD, is_end=False), "nothing was looked at"
    assert look.still(MOMENT) is None
    look.keep(seen(), MOMENT)
    assert look.serves(UPLOAD, is_end=False)
    assert look.still(MOMENT + FRESHNESS / 2) == seen()
    assert look.still(MOMENT + FRESHNESS + timedelta(seconds=1)) is None
    assert look.still(MOMENT - timedelta(seconds=1)) is None, "the clock was set back"
    look.begins(VERIFY)
    assert look.serves(VERIFY, is_end=False)
    assert not look.serves(VERIFY, is_end=True)
    assert not look.serves(UPLOAD, is_end=False)
    assert look.still(MOMENT) == seen()
    look.begins(UPLOAD)
    assert look.still(MOMENT) is None


def test_a_client_secret_is_given_up_when_the_org_has_not_shown_it_twice() -> None:
    discard, by_secret = Action(ActionKind.DISCARD, ""), seen(by_secret=True)
    recheck = Recheck()
    assert recheck.is_needed(discard, by_secret)
    assert not recheck.is_needed(discard, by_secret)
    assert not Recheck().is_needed(discard, seen()), "a key pair was not lost by that"
    assert not Recheck().is_needed(VERIFY, by_secret)
