"""What a request means of a credential that was revoked: it comes back with another key, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.actor import Actor
from rotator.core.decision.options import RotationOptions
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.errors import RotationHalted, RotationHeldUp
from rotator.services.rotation.requests import Request, bringing_back
from rotator.testing.versions import MOMENT

REVOKED = Revocation(since=MOMENT, by="ines@desk", reason="the laptop was stolen", wanted=EVERY_STEP)
TYPED = Request("replace", Actor("alex@laptop"))


def meant(request: Request, *, is_begun: bool = False, is_undone: bool = False, was_stored: bool = True) -> Request:
    return bringing_back("billing", request, REVOKED, is_begun=is_begun, is_undone=is_undone, was_stored=was_stored)


@pytest.mark.parametrize("is_begun", [False, True])
@pytest.mark.parametrize("goal", ["replace", "adopt", "enroll", "back", "restore"])
def test_the_schedule_brings_back_nothing_that_a_person_revoked(goal: str, *, is_begun: bool) -> None:
    with pytest.raises(RotationHeldUp, match=r"^billing was revoked on 20.* UTC\.") as held_up:
        meant(replace(TYPED, goal=goal, trigger="schedule"), is_begun=is_begun)
    assert held_up.value.effect == "Nothing was changed."
    assert "`rotator revoke --undo billing`" in held_up.value.hint


def test_the_schedule_ends_what_a_person_began_to_bring_back() -> None:
    assert meant(replace(TYPED, goal="", trigger="schedule"), is_begun=True).options.retire_now


@pytest.mark.parametrize(
    ("goal", "is_begun", "was_stored"),
    [
        ("replace", False, True),
        ("replace", True, True),
        ("adopt", False, True),
        ("adopt", False, False),
        ("enroll", False, False),
        ("enroll", True, True),
        ("", True, True),
    ],
)
def test_another_key_brings_it_back_and_the_revoked_one_gets_no_grace(
    goal: str, *, is_begun: bool, was_stored: bool
) -> None:
    request = meant(replace(TYPED, goal=goal), is_begun=is_begun, was_stored=was_stored)
    assert (request.goal, request.options.retire_now, request.options.replace_unknown) == (goal, True, True)


@pytest.mark.parametrize(
    ("goal", "is_begun"), [("back", False), ("back", True), ("restore", True), ("enroll", False), ("", False)]
)
def test_nothing_uses_a_revoked_key_again(goal: str, *, is_begun: bool) -> None:
    with pytest.raises(RotationHalted, match=r"by ines@desk: the laptop was stolen\.") as refused:
        meant(replace(TYPED, goal=goal), is_begun=is_begun)
    assert refused.value.effect == "Nothing was changed."
    assert "`rotate now billing`" in refused.value.hint


def test_no_new_certificate_is_made_over_a_revoked_key() -> None:
    with pytest.raises(RotationHalted, match="its key is not to be used again") as refused:
        meant(replace(TYPED, options=RotationOptions(keep_key=True)))
    assert (refused.value.effect, refused.value.hint) == ("Nothing was changed.", "Leave out --keep-key.")


def test_where_nothing_is_stored_it_comes_back_with_its_first_version() -> None:
    with pytest.raises(RotationHalted, match="holds no current version") as refused:
        meant(TYPED, was_stored=False)
    assert refused.value.effect == "Nothing was changed."
    assert "`rotator enroll billing`" in refused.value.hint


@pytest.mark.parametrize(
    ("is_undone", "is_asked", "may_be_replaced"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, True)],
)
def test_a_certificate_that_somebody_has_put_there_since_is_not_replaced_unasked(
    *, is_undone: bool, is_asked: bool, may_be_replaced: bool
) -> None:
    request = replace(TYPED, options=RotationOptions(replace_unknown=is_asked))
    assert meant(request, is_undone=is_undone).options.replace_unknown is may_be_replaced
