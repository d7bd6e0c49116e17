"""What is kept in memory is bounded."""

from __future__ import annotations

from rotator.core.kept import Kept


def test_a_value_is_kept_until_it_is_dropped() -> None:
    kept: Kept[int] = Kept(2)
    kept.put("one", 1)
    kept.put("one", 10)
    assert (kept.get("one"), kept.get("two")) == (10, None)
    kept.drop("one")
    kept.drop("never")
    assert kept.get("one") is None


def test_a_copy_has_some_of_the_names_and_is_its_own() -> None:
    kept: Kept[int] = Kept(2)
    kept.put("one", 1)
    kept.put("two", 2)
    copy = kept.of(lambda name: name != "two")
    copy.put("three", 3)
    copy.put("four", 4)
    assert [copy.get(name) for name in ("one", "two", "three", "four")] == [None, None, 3, 4]
    assert [kept.get(name) for name in ("one", "two", "three", "four")] == [1, 2, None, None]


def test_for_one_more_the_one_goes_that_was_longest_not_asked_for() -> None:
    kept: Kept[int] = Kept(2)
    kept.put("one", 1)
    kept.put("two", 2)
    kept.get("one")
    kept.put("three", 3)
    assert [kept.get(name) for name in ("one", "two", "three")] == [1, None, 3]
