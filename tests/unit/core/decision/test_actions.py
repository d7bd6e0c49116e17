"""What each action and each reason to stop means to those who carry it out, and to people."""

from __future__ import annotations

import pytest

from rotator.core.decision.actions import BRING_STORE_BACK, Action, ActionKind, HaltReason, halt, how_to_bring_back


def test_the_actions_that_put_a_new_version_into_the_store() -> None:
    assert {kind.value for kind in ActionKind if kind.makes_version} == {"generate", "stage", "take"}


def test_the_actions_that_change_what_a_consumer_of_an_external_client_app_has() -> None:
    assert {kind.value for kind in ActionKind if kind.changes_pairs} == {"stage", "rotate", "unstage"}


def test_a_person_is_called_for_what_may_be_seen_for_a_moment_only_if_it_is_seen_twice() -> None:
    twice = {reason for reason in HaltReason if reason.is_looked_at_twice}
    assert twice == {
        HaltReason.DRIFT,
        HaltReason.STANDBY_UNKNOWN,
        HaltReason.SECOND_PAIR_UNKNOWN,
        HaltReason.LOST,
    }


@pytest.mark.parametrize("reason", [HaltReason.REVERTED, HaltReason.UNPROVEN, HaltReason.NOT_ENDED])
def test_what_only_a_run_has_learnt_stands_until_a_run_has_learnt_otherwise(reason: HaltReason) -> None:
    assert not reason.is_seen_anew


@pytest.mark.parametrize("reason", [HaltReason.APP_UNREADABLE, HaltReason.DRIFT, HaltReason.LOST])
def test_what_each_observation_shows_is_over_when_it_is_mended(reason: HaltReason) -> None:
    assert reason.is_seen_anew


def test_who_typed_a_command_is_told_what_to_do_and_what_to_type_then() -> None:
    assert halt(HaltReason.REVERTED, "It failed.", "Look.", rerun="Then rotate.").advice == "Look. Then rotate."
    assert halt(HaltReason.REVERTED, "It failed.", "Look.").advice == "Look."


def test_an_action_about_nothing_has_neither_version_nor_app() -> None:
    nothing = Action(ActionKind.DONE, "all is done")
    with pytest.raises(ValueError, match="done is about no version"):
        _ = nothing.its_version
    with pytest.raises(ValueError, match="done is about no app"):
        _ = nothing.its_app


@pytest.mark.parametrize(
    ("has_secret", "ending"), [(False, "`rotator adopt b --key FILE`."), (True, "`rotator adopt b`.")]
)
def test_what_is_lost_for_good_is_adopted_as_its_kind_is(has_secret: bool, ending: str) -> None:
    assert how_to_bring_back("b", has_secret=has_secret) == f"{BRING_STORE_BACK} If it is lost for good, {ending}"
