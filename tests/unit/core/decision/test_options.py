"""What an option of a request means after a crash."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.decision.options import NO_OPTIONS, RotationOptions

OPTIONS = st.builds(RotationOptions, **{option.name: st.booleans() for option in fields(RotationOptions)})


@given(OPTIONS)
def test_what_the_history_keeps_is_what_was_asked_for(options: RotationOptions) -> None:
    assert RotationOptions.from_json(options.as_json()) == options


def test_the_history_names_only_what_was_asked_for() -> None:
    assert NO_OPTIONS.as_json() == {}
    assert RotationOptions(keep_key=True).as_json() == {"keep_key": True}


def test_an_option_that_this_release_does_not_know_is_left_out() -> None:
    assert RotationOptions.from_json({"retire_now": True, "of_another_release": True}) == RotationOptions(
        retire_now=True
    )


@pytest.mark.parametrize(("option", "stays", "can_be_added"), [("keep_key", True, False), ("retire_now", True, True)])
def test_what_a_rotation_began_with_counts_whoever_goes_on_with_it(
    option: str, stays: bool, can_be_added: bool
) -> None:
    asked = RotationOptions(**{option: True})
    assert getattr(asked.resumed(NO_OPTIONS), option) == stays
    assert getattr(NO_OPTIONS.resumed(asked), option) == can_be_added


def test_an_unknown_certificate_is_overwritten_for_him_only_who_asks_now() -> None:
    asked = RotationOptions(replace_unknown=True)
    assert not asked.resumed(NO_OPTIONS).replace_unknown
    assert NO_OPTIONS.resumed(asked).replace_unknown


@given(OPTIONS, OPTIONS)
def test_only_the_key_that_is_to_be_kept_makes_another_rotation(begun: RotationOptions, asked: RotationOptions) -> None:
    assert begun.means_the_same(asked) == (begun.keep_key == asked.keep_key)


@given(OPTIONS)
def test_the_same_request_again_means_the_same(options: RotationOptions) -> None:
    assert options.means_the_same(options)
    assert options.resumed(options) == options
