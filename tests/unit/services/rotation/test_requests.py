"""What a request means: of a rotation that was left open, of a store, and of a credential that was revoked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Fingerprint, Stages
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Goal
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.errors import ConfigurationError, RotationHalted, RotationHeldUp
from rotator.history.records import Rotation
from rotator.services.rotation.requests import (
    Request,
    bringing_back,
    continues,
    current_already,
    resumed,
    subject_of,
)
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


CURRENT, PREVIOUS = Fingerprint("c" * 64), Fingerprint("p" * 64)
BOTH = Stages(current=CURRENT, previous=PREVIOUS)


@pytest.mark.parametrize(
    ("goal", "stages", "subject"),
    [
        ("enroll", Stages(), None),
        ("back", BOTH, PREVIOUS),
        ("replace", BOTH, CURRENT),
        ("restore", BOTH, CURRENT),
    ],
)
def test_a_request_is_about_what_it_replaces_or_brings_back(
    goal: str, stages: Stages, subject: Fingerprint | None
) -> None:
    assert subject_of("billing", replace(TYPED, goal=goal), stages) == subject


@pytest.mark.parametrize(
    ("goal", "stages", "said", "hint"),
    [
        ("enroll", BOTH, "billing has a current version already.", "`rotate now billing` replaces it."),
        (
            "back",
            Stages(current=CURRENT),
            "No previous version of billing is kept.",
            "`rotate now billing` makes a new one.",
        ),
    ],
)
def test_what_makes_no_sense_as_the_store_stands_is_refused(goal: str, stages: Stages, said: str, hint: str) -> None:
    with pytest.raises(RotationHalted) as refused:
        subject_of("billing", replace(TYPED, goal=goal), stages)
    assert (refused.value.message, refused.value.effect, refused.value.hint) == (said, "Nothing was changed.", hint)


@pytest.mark.parametrize("was_stored", [False, True])
@pytest.mark.parametrize("has_secret", [False, True])
def test_where_nothing_is_stored_it_is_begun_or_brought_back(*, was_stored: bool, has_secret: bool) -> None:
    with pytest.raises(RotationHalted, match="The store holds no current version of billing") as refused:
        subject_of("billing", TYPED, Stages(), was_stored=was_stored, has_secret=has_secret)
    assert ("the history knows of one" in refused.value.message) == was_stored
    assert refused.value.effect == "Nothing was changed."
    began = "takes the consumer key and secret that are in use" if has_secret else "makes the first key pair"
    assert (began in refused.value.hint) == (not was_stored)


def test_a_client_secret_has_no_key_to_keep() -> None:
    keep = replace(TYPED, options=RotationOptions(keep_key=True))
    assert subject_of("billing", keep, BOTH) == CURRENT
    with pytest.raises(ConfigurationError, match="is a client secret, which has no certificate") as refused:
        subject_of("billing", keep, BOTH, has_secret=True)
    assert (refused.value.effect, refused.value.hint) == ("Nothing was changed.", "Leave out --keep-key.")


@pytest.mark.parametrize(("has_secret", "what"), [(False, "key pair"), (True, "consumer key and secret")])
def test_what_is_current_already_is_not_adopted_again(what: str, *, has_secret: bool) -> None:
    refused = current_already("billing", has_secret=has_secret)
    assert refused.message == f"This {what} is the current version of billing already."
    assert (refused.effect, refused.hint) == ("Nothing was changed.", "`rotator verify billing` tries it.")


BEGUN = Rotation(
    id="7",
    credential="billing",
    org="production",
    strategy="in_place",
    trigger="compromised",
    actor="ada@desk",
    started_at=MOMENT,
    goal="replace",
    replaces=CURRENT,
    options=RotationOptions(keep_key=True),
)


def test_who_takes_up_a_rotation_wants_what_was_written_down_when_it_began() -> None:
    finish = replace(TYPED, goal="", options=RotationOptions(retire_now=True, replace_unknown=True))
    wanted = resumed(BEGUN, finish)
    assert (wanted.goal, wanted.version, wanted.compromised) == (Goal.REPLACE, CURRENT, True)
    assert wanted.options == RotationOptions(keep_key=True, retire_now=True, replace_unknown=True)
    back = resumed(replace(BEGUN, goal="back", trigger="manual", replaces=None, brings_back=PREVIOUS), finish)
    assert (back.goal, back.version, back.compromised) == (Goal.BRING, PREVIOUS, False)


@pytest.mark.parametrize(
    ("request_", "goes_on"),
    [
        (replace(TYPED, goal=""), True),
        (replace(TYPED, trigger="compromised", options=RotationOptions(keep_key=True)), True),
        (replace(TYPED, trigger="compromised"), False),
        (replace(TYPED, options=RotationOptions(keep_key=True)), False),
        (replace(TYPED, goal="restore", trigger="compromised", options=RotationOptions(keep_key=True)), False),
    ],
)
def test_the_same_request_means_the_rotation_that_was_left_open(request_: Request, *, goes_on: bool) -> None:
    assert continues(request_, BEGUN, BOTH, now=MOMENT) == goes_on


def test_a_request_that_was_met_by_then_is_ended_for_a_day_and_asked_for_anew_after_it() -> None:
    same = replace(TYPED, trigger="compromised", options=RotationOptions(keep_key=True))
    met = Stages(current=Fingerprint("n" * 64), previous=CURRENT)
    for stages, after, goes_on in ((met, 23, True), (met, 24, False), (BOTH, 24, True)):
        assert continues(same, BEGUN, stages, now=MOMENT + timedelta(hours=after)) == goes_on


def test_an_adoption_of_another_version_is_another() -> None:
    adopting = replace(BEGUN, goal="adopt", trigger="manual", replaces=None, brings_back=PREVIOUS)
    adopting = replace(adopting, options=RotationOptions())
    adopt = replace(TYPED, goal="adopt")
    assert continues(adopt, adopting, BOTH, now=MOMENT, adopted=PREVIOUS)
    assert not continues(adopt, adopting, BOTH, now=MOMENT, adopted=CURRENT)
