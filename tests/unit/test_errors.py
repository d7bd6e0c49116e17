"""Errors in words: what a plug-in that was written for the release before may say still."""

from __future__ import annotations

from typing import Any

from rotator.errors import StoreUnavailable


def test_an_error_reads_as_what_happened_what_was_left_and_what_to_do() -> None:
    error = StoreUnavailable("The store is away.", effect="Nothing was changed.", hint="Start it.")
    assert (error.message, error.effect, error.hint) == ("The store is away.", "Nothing was changed.", "Start it.")
    assert str(error) == "The store is away. Nothing was changed. Start it."


def test_a_plug_ins_error_with_the_words_of_the_release_before_says_the_same() -> None:
    former: dict[str, Any] = {"left": "Nothing was changed.", "advice": "Start it."}
    error = StoreUnavailable("The store is away.", **former)
    assert str(error) == "The store is away. Nothing was changed. Start it."
