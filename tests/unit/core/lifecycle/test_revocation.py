"""Which steps of a revocation remain, by what is seen; and that its record survives a database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.lifecycle.drift import undone
from rotator.core.lifecycle.revocation import (
    EVERY_STEP,
    AccessGrant,
    GivenBy,
    ObservedAccess,
    Revocation,
    RevocationStep,
    apps_left,
    grant_of,
    how_to_end,
    how_to_end_again,
    in_words,
    remaining,
    revived,
    sharers,
    to_give_back,
    what_is_undone,
)
from rotator.core.observed import ObservedApp, ObservedCredential

if TYPE_CHECKING:
    from collections.abc import Sequence

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
NOW = datetime(2026, 11, 26, tzinfo=UTC)
GRANT = AccessGrant("Billing", "0H4", GivenBy.PROFILE, "Standard User", "0PS", "005")


def app(live: str | None = "x", *, is_hidden: bool = False, tokens: int = 0, sessions: int = 0) -> ObservedAccess:
    return ObservedAccess("Billing", live, is_hidden, tokens, sessions)


@pytest.mark.parametrize(
    ("seen", "ended_by", "left"),
    [
        (app(), {}, True),
        (app(), {"Billing": "x"}, False),
        (app(), {"Billing": "y"}, True),
        (app(), {"Other": "x"}, True),
        (app(None), {}, False),
        (app(None, is_hidden=True), {}, True),
        (app(None, is_hidden=True), {"Billing": "y"}, False),
    ],
)
def test_an_app_is_ended_by_the_certificate_that_was_sent_for_it(
    seen: ObservedAccess, ended_by: dict[str, str], left: bool
) -> None:
    assert apps_left([seen], ended_by) == (("Billing",) if left else ())


@pytest.mark.parametrize("wanted", [EVERY_STEP, (TOKENS,), (CERTIFICATE, ACCESS)])
def test_what_remains_is_what_was_asked_for_and_is_there(wanted: tuple[RevocationStep, ...]) -> None:
    grants = ObservedAccess("Other", None, is_hidden=False, grants=(GRANT,))
    assert remaining([app(tokens=1), grants], wanted, {}) == wanted
    assert remaining([app(None, sessions=1)], wanted, {}) == tuple(step for step in wanted if step is TOKENS)
    assert remaining([app(None)], wanted, {}) == ()


steps = st.lists(st.sampled_from(EVERY_STEP), unique=True).map(lambda each: tuple(s for s in EVERY_STEP if s in each))
grants = st.builds(
    AccessGrant,
    *(st.text(), st.text(), st.sampled_from(list(GivenBy)), st.text(), st.text(), st.text()),
    shared_with=st.lists(st.text()).map(tuple),
    expires=st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | st.just(""),
)
revocations = st.builds(
    Revocation,
    since=st.datetimes(timezones=st.just(UTC)),
    by=st.text(),
    reason=st.text(),
    wanted=steps,
    done=steps,
    ended_by=st.dictionaries(st.text(), st.text()),
    withdrawn=st.lists(grants).map(tuple),
    accepted_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    let_in_by=st.text(),
)


@given(revocations)
def test_a_record_comes_back_as_it_was_written(known: Revocation) -> None:
    assert Revocation.from_text(known.as_text()) == known


@pytest.mark.parametrize("text", ["x", "[]", "{}", "null", '{"since": 1}', '{"since": "x", "by": "", "reason": ""}'])
def test_what_is_no_record_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json and datetime say
        Revocation.from_text(text)
    assert Revocation.from_text("") is None


def test_a_record_of_an_earlier_release_says_nothing_of_what_came_later() -> None:
    fields = json.loads(
        Revocation(since=NOW, by="alex", reason="lost", wanted=EVERY_STEP, withdrawn=(GRANT,)).as_text()
    )
    for later in ("accepted_at", "let_in_by"):
        del fields[later]
    del fields["withdrawn"][0]["shared_with"]
    known = Revocation.from_text(json.dumps(fields))
    assert known
    assert (known.accepted_at, known.let_in_by, known.withdrawn[0].shared_with) == (None, "", ())


@given(revocations, steps.filter(bool))
def test_what_is_asked_for_again_is_left_until_it_is_done(
    known: Revocation, wanted: tuple[RevocationStep, ...]
) -> None:
    asked = known.asked_again(wanted, "again")
    assert {*wanted} <= {*asked.left}
    assert {*asked.wanted} == {*known.wanted, *wanted}
    assert {*asked.done} == {*known.done} - {*wanted}
    assert not asked.logs_in_again, "what was seen before is looked for anew"
    assert (asked.reason, known.asked_again(wanted, "").reason) == ("again", known.reason)
    for step in asked.wanted:
        asked = asked.with_done(step)
    assert asked.left == ()


def revoked(*done: RevocationStep, wanted: Sequence[RevocationStep] = EVERY_STEP) -> Revocation:
    return Revocation(since=NOW, by="alex", reason="x", wanted=tuple(wanted), done=done)


def test_what_is_given_back_is_withdrawn_no_more() -> None:
    known = revoked()
    taken = known.taking(GRANT).taking(GRANT)
    assert taken.withdrawn == (GRANT,)
    assert taken.without(GRANT) == known
    assert grant_of({**vars(GRANT), "given_by": "profile"}) == GRANT


@pytest.mark.parametrize(
    ("live", "is_hidden", "is_undone"), [("ended", False, False), ("other", False, True), (None, False, False)]
)
def test_another_certificate_on_a_revoked_app_undoes_it(live: str | None, is_hidden: bool, is_undone: bool) -> None:
    known = replace(revoked(), ended_by={"Billing": "ended"})
    seen = ObservedCredential({"Billing": ObservedApp("Billing", live=live, hidden=is_hidden)})  # type: ignore[arg-type]
    assert undone(seen, known) == is_undone


@pytest.mark.parametrize(
    ("steps", "command"),
    [
        (EVERY_STEP, "`rotator revoke billing --reason TEXT`"),
        ([RevocationStep.TOKENS], "`rotator revoke billing --only tokens --reason TEXT`"),
        (
            [RevocationStep.TOKENS, RevocationStep.CERTIFICATE],
            "`rotator revoke billing --only certificate --only tokens --reason TEXT`",
        ),
    ],
)
def test_to_go_on_is_to_do_no_more_than_what_is_left(steps: Sequence[RevocationStep], command: str) -> None:
    assert how_to_end("billing", steps) == command


@pytest.mark.parametrize(
    ("expires", "is_over"),
    [("", False), (NOW.isoformat(), True), ((NOW + timedelta(seconds=1)).isoformat(), False)],
)
def test_access_that_was_given_for_a_time_is_over_when_that_has_passed(expires: str, is_over: bool) -> None:
    assert replace(GRANT, expires=expires).is_over(NOW) == is_over


def test_logins_may_succeed_again_only_where_what_ends_them_had_ended() -> None:
    whole, half = revoked(*EVERY_STEP), revoked(CERTIFICATE)
    assert not whole.logs_in_again
    assert replace(whole, accepted_at=NOW).logs_in_again
    assert replace(whole, let_in_by="the profile Standard User").logs_in_again
    assert not replace(half, accepted_at=NOW).logs_in_again, "it is not over: nobody has undone anything"
    assert replace(revoked(CERTIFICATE, ACCESS), accepted_at=NOW).logs_in_again, "tokens log nobody in"


@pytest.mark.parametrize(
    ("done", "may_return"), [((), False), ((CERTIFICATE,), False), ((ACCESS,), True), ((CERTIFICATE, ACCESS), False)]
)
def test_access_is_looked_for_where_it_alone_keeps_the_key_out(
    done: tuple[RevocationStep, ...], may_return: bool
) -> None:
    assert revoked(*done).access_may_return == may_return


def test_once_access_is_back_it_counts_as_a_step_that_is_left() -> None:
    known = replace(revoked(*EVERY_STEP), withdrawn=(GRANT,), let_in_by="the profile Standard User")
    back = known.without(GRANT)
    assert (back.left, back.withdrawn, back.let_in_by) == ((ACCESS,), (), "")


def test_one_whose_user_another_has_let_in_is_known_by_its_key_alone() -> None:
    known = replace(revoked(CERTIFICATE, ACCESS), withdrawn=(GRANT,))
    shared = known.sharing(GRANT)
    assert (shared.wanted, shared.done, shared.withdrawn) == ((CERTIFICATE, TOKENS), (CERTIFICATE,), ())


SHARED = replace(GRANT, given_by=GivenBy.PERMISSION_SET, shared_with=("orders", "stock"))
OTHER = replace(GRANT, name="Other")


def test_what_was_taken_with_another_credential_comes_back_with_the_one_that_needs_it() -> None:
    every = {
        "billing": replace(revoked(), withdrawn=(OTHER, SHARED)),
        "orders": replace(revoked(), withdrawn=(GRANT,)),
    }
    assert to_give_back(every, "billing") == [("billing", SHARED), ("billing", OTHER)], "the last first"
    assert to_give_back(every, "orders") == [("orders", GRANT), ("billing", SHARED)], "its own first"
    assert to_give_back(every, "stock") == [("billing", SHARED)]
    assert to_give_back(every, "elsewhere") == []


def test_a_grant_lets_in_whom_it_was_taken_with_and_all_that_share_it() -> None:
    assert sharers("orders", "billing", SHARED) == ("billing", "stock")
    assert sharers("billing", "billing", SHARED) == ("orders", "stock")
    assert sharers("billing", "billing", GRANT) == ()


@pytest.mark.parametrize(
    ("other", "is_revived"),
    [
        (revoked(ACCESS), True),
        (revoked(CERTIFICATE, ACCESS), False),
        (revoked(ACCESS, wanted=[ACCESS]), True),
        (revoked(wanted=[CERTIFICATE]), True),
        (revoked(TOKENS, wanted=[TOKENS]), False),
    ],
)
def test_access_that_comes_back_would_let_in_a_revoked_key_that_was_not_ended(
    other: Revocation, is_revived: bool
) -> None:
    every = {"billing": replace(revoked(), withdrawn=(SHARED,)), "orders": other}
    assert revived(every, "billing") == ([("orders", SHARED)] if is_revived else [])


def test_it_would_let_in_the_one_with_which_it_was_taken_and_who_was_never_revoked_is_none() -> None:
    every = {"billing": replace(revoked(ACCESS), withdrawn=(SHARED,))}
    assert revived(every, "orders") == [("billing", SHARED)]
    assert revived(every, "billing") == []


def test_what_was_undone_and_how_it_is_ended_again_is_said_by_what_is_seen() -> None:
    known = replace(revoked(ACCESS, wanted=[ACCESS]), let_in_by="the profile Standard User")
    accepted = replace(known, accepted_at=NOW)
    assert what_is_undone(known, is_app_changed=False, has_secret=False).endswith("by the profile Standard User.")
    assert "was accepted on 2026-11-26" in what_is_undone(accepted, is_app_changed=False, has_secret=False)
    assert "another certificate" in what_is_undone(accepted, is_app_changed=True, has_secret=False)
    assert "another consumer key" in what_is_undone(accepted, is_app_changed=True, has_secret=True)
    assert how_to_end_again("billing", known, is_app_changed=False) == how_to_end("billing", [ACCESS])
    assert how_to_end_again("billing", known, is_app_changed=True) == how_to_end("billing", [CERTIFICATE])


def test_a_grant_says_what_it_is_and_whether_others_lose_the_app_with_it() -> None:
    assert str(GRANT) == "the profile Standard User, for Billing"
    assert str(SHARED) == "the permission set Standard User, for Billing"
    policy = replace(GRANT, given_by=GivenBy.POLICY)
    assert "each user may log in who approves it himself" in str(policy)
    group = replace(GRANT, given_by=GivenBy.GROUP)
    assert [each.is_shared for each in (GRANT, policy, SHARED, group)] == [True, True, False, False]


def test_steps_are_named_for_people() -> None:
    assert in_words(EVERY_STEP) == "its key, its user's access and the tokens that were given out"
