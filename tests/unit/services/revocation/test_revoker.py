"""A revocation takes its steps until nothing comes up any more, and says what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.actor import Actor
from rotator.core.lifecycle.revocation import EVERY_STEP, AccessGrant, GivenBy, RevocationStep
from rotator.errors import HistoryError, OrgError, RotationHalted, RotationRunning, StoreError
from rotator.history.journal.queries import rotations
from rotator.services.access.issued_tokens import IssuedTokens
from rotator.services.revocation import revoker as revoker_module
from rotator.services.revocation.revoker import RevocationRequest, Revoker
from tests.unit.services.bench import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.lifecycle.revocation import Revocation
    from rotator.services.revocation.revocation_report import RevocationReport
    from rotator.services.rotation.observer import CredentialContext
    from tests.unit.services.bench import Bench

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
SET = AccessGrant("Billing", "0H4", GivenBy.PERMISSION_SET, "Integration", "0PS2", "005")
PROFILE = replace(SET, given_by=GivenBy.PROFILE, name="Standard User")
OWN_WAY_BACK = "`--only certificate --own-login` ends it"


@dataclass
class Org:
    """What is left to end at each look; the last one stays."""

    holding: list[list[str]] = field(default_factory=lambda: [[]])
    grants: list[list[AccessGrant]] = field(default_factory=lambda: [[]])
    issued: list[IssuedTokens] = field(default_factory=lambda: [IssuedTokens()])
    proofs: list[str | Exception] = field(default_factory=lambda: ["refused"])
    own: bool = False
    told: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    proven: int = 0
    sent: list[tuple[str, ...]] = field(default_factory=list)

    def is_own(self, _grant: AccessGrant) -> bool:
        return self.own


def next_of(looks: list[Any]) -> Any:
    found = looks.pop(0) if len(looks) > 1 else looks[0]
    if isinstance(found, Exception):
        raise found
    return found


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Org:
    org = Org()

    def holding(_ended_by: object, sent: tuple[str, ...] = ()) -> list[Any]:
        org.sent.append(tuple(sent))
        return [SimpleNamespace(full_name=name) for name in next_of(org.holding)]

    def prove() -> str:
        org.proven += 1
        return cast("str", next_of(org.proofs))

    seen = SimpleNamespace(holding=holding, grants=lambda: next_of(org.grants), apps=list)
    monkeypatch.setattr(revoker_module, "AppAccess", lambda *_: seen)
    monkeypatch.setattr(revoker_module, "RefusalProof", lambda *_, **__: SimpleNamespace(prove=prove))
    monkeypatch.setattr(revoker_module, "end_key", lambda _c, _j, app, *_, **__: org.done.append(app.full_name))
    monkeypatch.setattr(revoker_module, "withdraw", lambda _a, _j, _n, grant, _now: org.done.append(str(grant)))
    monkeypatch.setattr(revoker_module, "end_tokens", lambda *_: next_of(org.issued))
    return org


def revoker(one: Bench, org: Org, context: CredentialContext | None = None) -> Revoker:
    return Revoker(
        context or one.credential_context,
        cast("Any", org),
        one.journal,
        one.database.rotation_locks(one.now),
        now=one.now,
        sleep=one.sleep,
        tell=org.told.append,
    )


def run(one: Bench, org: Org, *steps: RevocationStep, **request: Any) -> RevocationReport:
    asked = RevocationRequest(Actor("ada@desk"), "it was in a log", steps or EVERY_STEP, **request)
    return revoker(one, org).run(asked)


def known(one: Bench) -> Revocation | None:
    return one.journal.credential_record("billing").revoked


def tokens(*issued: str, sessions: int = 0, hidden: str = "") -> IssuedTokens:
    return IssuedTokens(cast("Any", [*issued]), cast("Any", ["s"] * sessions), hidden)


def test_steps_are_taken_until_nothing_comes_up_any_more(one: Bench, org: Org) -> None:
    org.holding = [["Billing"], ["Billing"], []]
    org.grants = [[SET, PROFILE], [], []]
    org.issued = [tokens("t1", "t2", sessions=1), tokens("t3"), tokens()]
    report = run(one, org)
    assert (report.apps, report.withdrawn, report.tokens, report.sessions) == (("Billing",), (SET, PROFILE), 3, 1)
    assert report.changes == 4
    assert (report.done, report.failed, report.said, report.proven_after) == (EVERY_STEP, {}, "refused", 4)
    assert org.done == ["Billing", str(SET), str(PROFILE), "Billing"]
    assert org.proven == 2, "after each change of what lets it in"
    assert org.sent[:2] == [(), ("Billing",)], "what was just sent one need not be shown"
    assert "Billing gets a certificate whose key nobody has." in org.told
    found = known(one)
    assert found
    assert (found.reason, found.done) == ("it was in a log", EVERY_STEP)


def test_where_nothing_is_left_it_is_looked_at_once_and_proven_once(one: Bench, org: Org) -> None:
    report = run(one, org)
    assert (report.changes, report.done, org.proven, len(org.sent)) == (0, EVERY_STEP, 1, 1)


def test_tokens_alone_prove_nothing_of_the_key(one: Bench, org: Org) -> None:
    org.issued = [tokens("t1"), tokens()]
    report = run(one, org, TOKENS)
    assert (report.tokens, report.done, org.proven, report.warnings) == (1, (TOKENS,), 0, ())


def test_what_is_not_shown_of_tokens_is_a_warning(one: Bench, org: Org) -> None:
    org.issued = [tokens("t1", hidden="Live sessions are not shown."), tokens(hidden="Live sessions are not shown.")]
    assert run(one, org, TOKENS).warnings == ("Live sessions are not shown.",)


def test_a_key_that_is_still_accepted_fails_the_steps_that_were_to_end_it(one: Bench, org: Org) -> None:
    accepted = OrgError("The key logs in still.")
    org.proofs = [accepted]
    report = run(one, org)
    assert report.failed == {CERTIFICATE: accepted, ACCESS: accepted}
    assert (report.done, report.is_whole) == ((TOKENS,), False)


def test_a_store_that_does_not_give_the_keys_is_a_warning(one: Bench, org: Org) -> None:
    org.proofs = [StoreError("The store is damaged.")]
    report = run(one, org)
    assert report.warnings == ("The store is damaged. So it was not proven that its key is refused.",)
    assert report.done == EVERY_STEP


@pytest.mark.parametrize(
    ("grant", "is_own", "is_left"), [(SET, True, True), (SET, False, False), (PROFILE, True, False)]
)
def test_a_set_that_holds_the_programs_own_rights_is_left_as_it_is(
    one: Bench, org: Org, grant: AccessGrant, *, is_own: bool, is_left: bool
) -> None:
    org.own = is_own
    org.grants = [[grant], []]
    report = run(one, org, ACCESS)
    assert org.done == ([] if is_left else [str(grant)])
    assert (ACCESS in report.failed) == is_left
    if is_left:
        error = report.failed[ACCESS]
        assert error.effect == "That was left as it is."
        assert error.hint.startswith("Give the credential a user of its own")


@pytest.mark.parametrize(
    ("steps", "is_certain", "gap"),
    [((CERTIFICATE,), True, 90.0), ((TOKENS,), True, None), ((CERTIFICATE,), False, None)],
)
def test_a_rotation_that_was_half_done_is_given_up_with_how_long_it_had_refused_consumers(
    one: Bench, org: Org, steps: tuple[RevocationStep, ...], gap: float | None, *, is_certain: bool
) -> None:
    one.die_before("generate")
    one.journal.record("upload_begins", now=one.now(), credential="billing", opens_gap=True)
    if is_certain:
        one.journal.record("upload", now=one.now(), credential="billing", app="Billing", version="x")
    one.time += timedelta(seconds=90)
    run(one, org, *steps)
    [ended] = rotations(one.database)
    assert (ended.outcome, ended.why, ended.gap_seconds) == ("abandoned", "The credential was revoked.", gap)


def test_the_programs_own_key_is_ended_where_that_is_asked_for_alone(one: Bench, org: Org) -> None:
    one.client_ids["Billing"] = "key"
    for request in ({}, {"steps": EVERY_STEP, "own_login": True}, {"steps": (CERTIFICATE,)}):
        asked = replace(RevocationRequest(Actor("ada"), "x"), **cast("Any", request))
        with pytest.raises(RotationHalted, match="would end the key that rotator itself logs in to") as halted:
            revoker(one, org).refuse(asked)
        assert halted.value.effect == "Nothing was changed."
        assert OWN_WAY_BACK in halted.value.hint
    revoker(one, org).refuse(RevocationRequest(Actor("ada"), "x", (CERTIFICATE,), own_login=True))


def test_what_rotator_does_not_log_in_by_is_not_its_own(one: Bench, org: Org) -> None:
    with pytest.raises(RotationHalted, match="--own-login was given") as halted:
        run(one, org, CERTIFICATE, own_login=True)
    assert halted.value.effect == "Nothing was changed."
    assert halted.value.hint == "Leave it out: the credential is brought back as any other."


def test_the_credential_that_an_org_is_logged_in_by_is_the_way_back(one: Bench, org: Org) -> None:
    found = one.credential_context
    login = one.settings.orgs["sandbox"].login.model_copy(update={"credential": "billing"})
    context = replace(found, org=found.org.model_copy(update={"login": login}))
    with pytest.raises(RotationHalted, match="rotator itself logs in to production by billing") as halted:
        revoker(one, org, context).refuse(RevocationRequest(Actor("ada"), "x"))
    assert halted.value.effect == "Nothing was changed."
    assert halted.value.hint.startswith("Give `login` of the org another app and key first; that one is the way back.")
    assert OWN_WAY_BACK in halted.value.hint


@pytest.mark.parametrize("error", [HistoryError("full"), StoreError("away"), OrgError("hidden")])
def test_what_the_apps_hold_afterwards_is_noted_where_that_can_be(
    one: Bench, org: Org, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> Any:
        raise error

    monkeypatch.setattr(revoker_module, "observer_of", fail)
    assert run(one, org, CERTIFICATE).done == (CERTIFICATE,)
    assert run(one, org, TOKENS).done == (TOKENS,)


class Pairs:
    """The pairs of a client secret."""

    app = "Billing"

    def __init__(self) -> None:
        self.ended: list[str | None] = []
        self.asked: list[str | None] = []
        self.is_over = False

    def are_ended(self, by: str | None) -> bool:
        self.asked.append(by)
        return self.is_over

    def end(self, _journal: object, by: str | None, _now: Callable[[], object], *, why: str) -> None:
        assert why == "it is revoked"
        self.ended.append(by)
        self.is_over = True


def test_of_a_client_secret_the_pairs_end_and_no_access_is_taken(
    one: Bench, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = Pairs()
    monkeypatch.setattr(revoker_module, "EndedPairs", lambda *_: pairs)
    monkeypatch.setattr(revoker_module, "refuse_to_end_own_login", lambda *_: None)
    context = replace(one.credential_context, secrets=cast("Any", SimpleNamespace(read=lambda _app: None)))
    for ended_by in (None, "e" * 64):
        pairs.is_over = False
        report = revoker(one, org, context).run(RevocationRequest(Actor("ada"), "x"))
        assert (report.apps, report.changes, report.has_secret) == (("Billing",), 1, True)
        assert (report.steps, report.done) == ((CERTIFICATE, TOKENS), (CERTIFICATE, TOKENS))
        assert (pairs.ended[-1], pairs.asked[-1]) == (ended_by, ended_by)
        one.journal.record(
            "disable_begins", now=one.now(), credential="billing", app="Billing", ended_by="e" * 64, version="x"
        )
    report = revoker(one, org, context).run(RevocationRequest(Actor("ada"), "x"))
    assert (report.apps, report.changes) == ((), 0)


def test_while_a_rotation_is_at_work_nothing_is_revoked(one: Bench, org: Org) -> None:
    with (
        one.database.rotation_locks(one.now).hold("billing"),
        pytest.raises(RotationRunning, match="billing") as running,
    ):
        run(one, org)
    assert "a revocation goes on from whatever it leaves" in running.value.rerun
    assert one.handle(NOW)
    assert known(one) is None
