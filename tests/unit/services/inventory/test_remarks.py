"""What is said of a credential: why it is in its state, and what a person is to do, by a command where there is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import HaltReason
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.credential_life import OpenRotation
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.lifecycle.states import CredentialState, Halt
from rotator.core.logins import LoginOutcome
from rotator.core.observed import Kind, ObservedApp, ObservedCertificate
from rotator.errors import Holder
from rotator.history.journal.projection import CredentialRecord
from rotator.services.inventory.remarks import (
    MOST_NAMED,
    hidden_apps,
    of_other_consumer_key,
    remark_on,
    remark_on_hidden,
)
from tests.unit.services.usage.promoted import DAY, HOUR, NOTHING_TRIED, NOW, PROMOTED, seen, status, version

if TYPE_CHECKING:
    from rotator.services.inventory.status import CredentialStatus

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
HOLDER: Final = Holder(811, "crm-1", PROMOTED)
RUNS: Final = "A rotation is at work, and goes on by itself: process 811 on crm-1, since 2026-01-15 12:00:00 UTC."
HALT: Final = Halt(PROMOTED, "Somebody changed it.", "Look at the app.")
STOPPED: Final = "A rotation stopped for a person on 2026-01-15 12:00 UTC (60 minutes ago): Somebody changed it."
REFUSED: Final = "Consumers that try `current` only are refused since 2026-01-15 12:00 UTC (60 minutes)."
INTERRUPTED: Final = "A rotation was interrupted, and nobody is at it."
NO_VERSION: Final = seen(current=None, previous=None)
OPEN: Final[dict[str, Any]] = {"rotation": OpenRotation()}
LOST: Final[dict[str, Any]] = {"observed": NO_VERSION, "stored_at": PROMOTED}
NO_MORE: Final = "It is in the store keys no more."
REVOKED: Final = Revocation(since=PROMOTED, by="alex", reason="stolen", wanted=EVERY_STEP, done=EVERY_STEP)
SO: Final = "It was revoked on 2026-01-15 12:00 UTC by alex: stolen."


def said(**how: Any) -> tuple[CredentialState, str, str]:
    of: CredentialStatus = status(**{"last": None, **how})
    remark = remark_on(of, NOW)
    assert remark
    return of.state, remark.sentence, remark.hint


def test_of_what_is_in_order_nothing_is_said() -> None:
    assert remark_on(status(), NOW) is None


@pytest.mark.parametrize("name", ["billing", "secret"])
def test_what_was_never_stored_is_adopted_or_enrolled(name: str) -> None:
    key = " --key FILE" if name == "billing" else ""
    hint = f"`rotator adopt {name}{key}`, or `rotator enroll {name}`."
    assert said(name=name, observed=NO_VERSION) == (CredentialState.UNSTORED, "It is not in its store.", hint)


def test_of_what_is_lost_it_is_said_how_it_comes_back() -> None:
    state, sentence, hint = said(**LOST)
    assert (state, sentence) == (CredentialState.UNSTORED, NO_MORE)
    assert hint.endswith("If it is lost for good, `rotator adopt billing --key FILE`.")


def test_who_is_at_work_is_said() -> None:
    assert said(running=HOLDER) == (CredentialState.RUNNING, RUNS, "")


def test_what_was_interrupted_is_gone_on_with() -> None:
    hint = "`rotate finish billing` goes on with it."
    assert said(**OPEN) == (CredentialState.UNFINISHED, INTERRUPTED, hint)


def test_until_when_one_that_was_brought_back_is_left_alone_is_said() -> None:
    older = replace(version("old"), not_after=PROMOTED + 20 * DAY)
    state, sentence, hint = said(observed=seen(current=older, previous=version("new"), apps=holding("old")))
    assert (state, hint) == (CredentialState.DEFERRED, "")
    assert sentence == "This older version was brought back, and is left alone until 2026-01-22 12:00 UTC."


def holding(live: str, *, secret: bool = False, **more: Any) -> dict[str, ObservedApp]:
    name = "Secret" if secret else "Billing"
    return {name: ObservedApp(name, live=Fingerprint(live) if live else None, by_secret=secret, **more)}


@pytest.mark.parametrize("name", ["billing", "secret"])
def test_what_is_not_valid_yet_is_said_with_from_when(name: str) -> None:
    app = "Billing" if name == "billing" else "Secret"
    ahead = replace(version("new", app), not_before=NOW + HOUR)
    state, sentence, hint = said(
        name=name, observed=seen(current=ahead, apps=holding("new", secret=app == "Secret"), previous=None)
    )
    assert (state, hint) == (CredentialState.NOT_YET_VALID, "")
    assert sentence == (
        "Its certificate is not valid before 2026-01-15 14:00 UTC. Its key has logged in all the same."
        if name == "billing"
        else "It was stored at 2026-01-15 14:00 UTC, by another clock than this one's."
    )


class TestDrift:
    """What somebody has changed by hand is told with what the app holds, and how ours comes back."""

    @pytest.mark.parametrize(("live", "held"), [("somebody's", "somebody's"), ("", "no certificate")])
    def test_the_certificate(self, live: str, held: str) -> None:
        assert said(observed=seen(apps=holding(live))) == (
            CredentialState.DRIFT,
            f"The app Billing holds {held}, which is not ours to expect.",
            "`rotate restore billing` puts ours back.",
        )

    def test_the_pair_of_a_client_secret(self) -> None:
        observed = seen(
            current=version("new", "Secret"), previous=version("old", "Secret"), apps=holding("x", secret=True)
        )
        assert said(name="secret", observed=observed) == (
            CredentialState.DRIFT,
            "The app Secret uses a consumer key and secret that are not ours to expect.",
            "`rotator adopt secret` takes the pair in use into the store.",
        )

    def test_of_an_app_that_hides_its_certificate(self) -> None:
        state, sentence, hint = said(observed=seen(apps=holding("", hidden=True, refuses_stored=True)))
        assert (state, hint) == (CredentialState.DRIFT, "`rotate restore billing` puts ours back.")
        assert sentence == "The app Billing does not show its certificate, and refuses every stored key."

    def test_another_consumer_key(self) -> None:
        app = holding("new", with_old_client_id=frozenset({Fingerprint("new"), Fingerprint("old")}))
        state, sentence, hint = said(observed=seen(apps=app))
        assert state is CredentialState.DRIFT
        assert sentence.startswith("The app Billing has another consumer key by now")
        assert hint == "`rotate now billing` makes a version with the consumer key that the app has."
        hidden = of_other_consumer_key("billing", "Billing", is_hidden=True)
        assert hidden.hint.endswith("that wants `--replace-unknown`, too.")


class TestHidden:
    """Of an app that does not show its certificate it is said what logins with the stored key have shown."""

    @pytest.mark.parametrize(
        ("record", "how"),
        [
            ({}, "no login was tried yet"),
            (
                {"tried_at": NOW, "tried_outcome": LoginOutcome.ACCEPTED, "accepted_at": NOW},
                "a login with it was accepted on 2026-01-15 13:00 UTC",
            ),
            (
                {"tried_at": NOW, "tried_outcome": LoginOutcome.MISMATCH},
                "a login with it was tried, and not accepted, on 2026-01-15 13:00 UTC",
            ),
            (
                {"tried_at": NOW, "tried_outcome": LoginOutcome.MISMATCH, "accepted_at": PROMOTED},
                "a login with it was accepted on 2026-01-15 12:00 UTC, and the last one,"
                " on 2026-01-15 13:00 UTC, was not",
            ),
        ],
    )
    def test_what_stands_for_it(self, record: dict[str, Any], how: str) -> None:
        observed = seen(apps=holding("new", hidden=True))
        remark = remark_on(status(observed=observed, record=replace(NOTHING_TRIED, **record)), NOW)
        assert remark
        assert remark.sentence == (
            f"The org does not show the certificate of Billing; that of the stored key counts: {how}."
        )

    def test_those_are_named_that_the_org_shows_without_their_certificate(self) -> None:
        apps = [("Payroll", Kind.EXTERNAL_APP), ("Legacy", Kind.APP), ("Bare", Kind.EXTERNAL_APP)]
        seen_bare = [ObservedCertificate(org="emea", app=app, type=kind) for app, kind in apps]
        assert hidden_apps(CertificateLife(seen=each, now=NOW) for each in seen_bare) == ("Bare", "Payroll")

    def test_of_an_org_the_apps_are_named(self) -> None:
        assert remark_on_hidden("emea", ()) is None
        one = remark_on_hidden("emea", ["App"])
        assert one
        assert one.sentence == (
            "emea shows 1 external client app, and no certificate of it, though it may have one: App."
        )
        assert '"What an org does not show"' in one.hint
        names = [f"App_{number:02}" for number in range(MOST_NAMED)]
        all_of_them, more = remark_on_hidden("emea", names), remark_on_hidden("emea", [*names, "Last"])
        assert all_of_them
        assert more
        assert "no certificate of theirs, though there may be some: App_00, " in all_of_them.sentence
        assert all_of_them.sentence.endswith(" and App_09.")
        assert more.sentence.endswith(" App_09 and others.")


class TestHalted:
    """Where a rotation stopped for a person it is said why, what to do first, and what goes on then."""

    def halted(self, **how: Any) -> tuple[str, str]:
        state, sentence, hint = said(halt=HALT, **how)
        assert (state, sentence) == (CredentialState.HALTED, STOPPED)
        first, _, then = hint.partition(" Then ")
        assert first == "Look at the app."
        return then, hint

    def test_with_nothing_half_done(self) -> None:
        then, _ = self.halted()
        assert then == "`rotator verify billing` shows whether it logs in, and `rotate now billing` begins anew."

    def test_half_done(self) -> None:
        then, _ = self.halted(**OPEN)
        assert then == "`rotate finish billing` goes on; `rotate restore billing` keeps the key that is current."
        observed = seen(current=version("new", "Secret"), apps=holding("new", secret=True), previous=None)
        then, _ = self.halted(name="secret", observed=observed, **OPEN)
        assert "keeps the consumer key and secret that are current." in then

    def test_before_there_was_a_version(self) -> None:
        then, _ = self.halted(observed=NO_VERSION, **OPEN)
        assert then == "`rotate finish billing` goes on."

    def test_where_nothing_is_proven_the_current_key_is_proven_first(self) -> None:
        record = CredentialRecord(credential="billing", halt=HaltReason.REVERT_UNPROVEN)
        then, _ = self.halted(record=record, **OPEN)
        assert then == (
            "`rotate restore billing` proves the key that is current, and ends the rotation;"
            " `rotate finish billing` tries the new key once more."
        )


class TestRefused:
    """That consumers are refused comes first, and then what is done about it."""

    def refused(self, **how: Any) -> tuple[str, str]:
        state, sentence, hint = said(refused_since=PROMOTED, **how)
        assert state is CredentialState.REFUSED
        so, _, then = sentence.partition("(60 minutes). ")
        assert f"{so}(60 minutes)." == REFUSED
        return then, hint

    def test_while_a_rotation_is_at_work(self) -> None:
        assert self.refused(running=HOLDER) == (RUNS, "")

    def test_after_one_was_interrupted(self) -> None:
        hint = "`rotate finish billing` goes on with it, and proves a key."
        assert self.refused(**OPEN) == (INTERRUPTED, hint)

    def test_after_one_has_stopped(self) -> None:
        then, hint = self.refused(halt=HALT, **OPEN)
        assert then == STOPPED
        assert hint.startswith("Look at the app. Then `rotate finish billing` goes on;")

    def test_of_what_is_lost(self) -> None:
        then, hint = self.refused(**LOST)
        assert then == NO_MORE
        assert "`rotator adopt billing --key FILE`" in hint

    def test_one_login_is_no_proof(self) -> None:
        record = replace(NOTHING_TRIED, refused_since=PROMOTED, accepted_at=NOW)
        then, hint = self.refused(record=record, **OPEN)
        assert then == ("A login with its key was accepted on 2026-01-15 13:00 UTC; one is no proof for every server.")
        assert hint == "`rotate restore billing` proves it, and ends what was left of the rotation."


class TestRevoked:
    """Of what was revoked it is said by whom and why, and how it comes back or is ended."""

    def revoked(self, revoked: Revocation = REVOKED, **how: Any) -> tuple[str, str]:
        _, sentence, hint = said(revoked=revoked, **how)
        assert sentence.startswith(SO)
        return sentence.removeprefix(SO).strip(), hint

    def ended(self, **how: Any) -> dict[str, Any]:
        return {"observed": seen(apps=holding("ended", throwaway=True)), **how}

    def test_it_is_brought_back_by_a_command(self) -> None:
        assert self.revoked(**self.ended()) == ("", "`rotator revoke --undo billing` brings it back.")
        assert self.revoked(**LOST)[1] == "`rotator revoke --undo billing` brings it back."
        assert self.revoked(observed=NO_VERSION)[1] == "`rotator enroll billing` brings it back."

    def test_what_was_interrupted_goes_on(self) -> None:
        half = replace(REVOKED, done=(CERTIFICATE,))
        found, hint = self.revoked(half, **self.ended())
        assert found == (
            "That was interrupted before its user's access and the tokens that were given out had ended for certain."
        )
        assert hint == "`rotator revoke billing --only access --only tokens --reason TEXT` goes on."

    def test_what_somebody_has_undone_is_ended_again(self) -> None:
        found, hint = self.revoked(replace(REVOKED, ended_by={"Billing": "x"}), observed=seen(apps=holding("another")))
        assert found == "An app of it holds another certificate than the one that ended its key."
        assert hint == "`rotator revoke billing --only certificate --reason TEXT` ends that, too."

    def test_who_brings_it_back_is_at_work(self) -> None:
        state, sentence, _ = said(revoked=REVOKED, running=HOLDER)
        assert (state, sentence) == (CredentialState.RUNNING, RUNS)

    def test_what_was_to_bring_it_back_goes_on_or_is_ended(self) -> None:
        back = "`rotator revoke --undo billing` goes on;"
        found, hint = self.revoked(REVOKED, **self.ended(**OPEN))
        assert found == "What was to bring it back was interrupted, and nobody is at it."
        assert hint == f"{back} `rotator revoke billing --reason TEXT` ends it again."
        half = replace(REVOKED, done=(CERTIFICATE, TOKENS))
        found, hint = self.revoked(half, **self.ended(halt=HALT, **OPEN))
        assert found == f"{STOPPED} Meanwhile its user's access may be as before."
        assert hint == (f"Look at the app. {back} `rotator revoke billing --only access --reason TEXT` ends it again.")


def test_why_one_cannot_be_read_is_said() -> None:
    of = replace(status(is_known=False), why_unknown="The org is away.")
    remark = remark_on(of, NOW)
    assert remark
    assert (of.state, str(remark)) == (CredentialState.UNKNOWN, "The org is away.")
