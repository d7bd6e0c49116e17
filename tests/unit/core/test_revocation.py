"""Which steps of a revocation remain, by what is seen; and that its record survives a database."""

from __future__ import annotations

from datetime import UTC, datetime
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
    remaining,
)
from rotator.core.observed import ObservedApp, ObservedCredential

if TYPE_CHECKING:
    from collections.abc import Sequence

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
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
grants = st.builds(AccessGrant, st.text(), st.text(), st.sampled_from(list(GivenBy)), st.text(), st.text(), st.text())
revocations = st.builds(
    Revocation,
    since=st.datetimes(timezones=st.just(UTC)),
    by=st.text(),
    reason=st.text(),
    wanted=steps,
    done=steps,
    ended_by=st.dictionaries(st.text(), st.text()),
    withdrawn=st.lists(grants).map(tuple),
)


@given(revocations)
def test_a_record_comes_back_as_it_was_written(known: Revocation) -> None:
    assert Revocation.from_text(known.as_text()) == known


@pytest.mark.parametrize("text", ["x", "[]", "{}", "null", '{"since": 1}', '{"since": "x", "by": "", "reason": ""}'])
def test_what_is_no_record_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json and datetime say
        Revocation.from_text(text)
    assert Revocation.from_text("") is None


@given(revocations, steps.filter(bool))
def test_what_is_asked_for_again_is_left_until_it_is_done(
    known: Revocation, wanted: tuple[RevocationStep, ...]
) -> None:
    asked = known.asked_again(wanted, "again")
    assert {*wanted} <= {*asked.left}
    assert {*known.wanted} <= {*asked.wanted}
    for step in asked.wanted:
        asked = asked.with_done(step)
    assert asked.left == ()


def test_what_is_given_back_is_withdrawn_no_more() -> None:
    known = Revocation(since=datetime(2026, 11, 26, tzinfo=UTC), by="alex", reason="x", wanted=EVERY_STEP)
    taken = known.taking(GRANT).taking(GRANT)
    assert taken.withdrawn == (GRANT,)
    assert taken.without(GRANT) == known
    assert grant_of({**vars(GRANT), "given_by": "profile"}) == GRANT


@pytest.mark.parametrize(
    ("live", "is_hidden", "is_undone"), [("ended", False, False), ("other", False, True), (None, False, False)]
)
def test_another_certificate_on_a_revoked_app_undoes_it(live: str | None, is_hidden: bool, is_undone: bool) -> None:
    known = Revocation(
        since=datetime(2026, 11, 26, tzinfo=UTC),
        by="alex",
        reason="x",
        wanted=EVERY_STEP,
        ended_by={"Billing": "ended"},
    )
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
