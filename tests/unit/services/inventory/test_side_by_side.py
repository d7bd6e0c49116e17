"""Work that waits is done side by side, and told in order."""

from __future__ import annotations

import threading

import pytest

from rotator.services.inventory.side_by_side import FEW, MOST, begun, made_at_once, side_by_side, unhurried


@pytest.mark.parametrize("things", [[1, 3], [1, 2, 3]])
def test_what_comes_of_it_is_told_in_the_order_of_the_things(things: list[int]) -> None:
    last = threading.Event()

    def work(number: int) -> int:
        if number == 3:
            last.set()
        # The first ends when the last has: no order of work can bring that about but side by side.
        assert last.wait(60)
        return number * 10

    assert list(side_by_side(work, things)) == [each * 10 for each in things]


def test_one_thing_takes_no_thread() -> None:
    assert list(side_by_side(lambda _: threading.current_thread(), ["one"])) == [threading.current_thread()]
    assert list(side_by_side(lambda _: 0, [])) == []


def test_the_process_ends_without_waiting_for_the_threads() -> None:
    assert list(side_by_side(lambda _: threading.current_thread().daemon, [1, 2])) == [True, True]


def test_an_error_is_raised_in_its_turn() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    found = side_by_side(work, [1, 2, 3])
    assert next(found) == 1
    with pytest.raises(ValueError, match="2"):
        next(found)


def test_no_more_threads_than_are_bearable_are_begun() -> None:
    threads = set(side_by_side(lambda _: threading.get_ident(), list(range(200))))
    assert len(threads) <= MOST


def test_where_nobody_waits_few_threads_are_begun_and_more_where_there_is_much_to_do() -> None:
    threads = {each.name for each in side_by_side(lambda _: threading.current_thread(), list(range(200)), FEW)}
    assert len(threads) <= FEW
    assert [unhurried(things) for things in (1, 200, 1_000, 3_000, 50_000)] == [FEW, FEW, FEW, 10, MOST]


def test_no_thread_takes_what_another_could_begin_with_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def starts_and_is_done(thread: threading.Thread) -> None:
        start(thread)
        thread.join()

    monkeypatch.setattr(threading.Thread, "start", starts_and_is_done)
    assert len(set(made_at_once([lambda: threading.current_thread().name] * 5))) == 5


def test_what_is_begun_is_waited_for_by_who_asks() -> None:
    may_end = threading.Event()
    end = begun(lambda: may_end.wait(60))
    assert not end.done()
    may_end.set()
    assert end.result()
