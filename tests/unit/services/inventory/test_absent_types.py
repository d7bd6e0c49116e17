"""Types of which an org has nothing are listed where a call has room for them, and all of them once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.observed import Kind as Held
from rotator.services.inventory.whole_looks import WholeLooks
from rotator.simulator.wire.faults import Kind
from tests.unit.services.inventory.test_whole_looks import World

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path / "config.yaml")


def hold(world: World, *types: str) -> None:
    """The org has something of a type that is none of connected apps."""
    if "login" in types:
        world.org.add_identity_provider("Login", world.certificates[1])
    if "signing" in types:
        world.org.add_certificate("Signing", world.time + timedelta(days=30))
    if "payroll" in types:
        world.org.add_external_app("Payroll", certificate=world.certificates[1])


@pytest.mark.parametrize(
    ("types", "lists"),
    [((), 1), (("login",), 1), (("login", "signing"), 1), (("payroll",), 1), (("payroll", "login", "signing"), 2)],
    ids=str,
)
def test_a_look_lists_the_types_of_which_there_is_something_three_in_a_call(
    world: World, types: tuple[str, ...], lists: int
) -> None:
    hold(world, *types)
    held = world.look().entries
    for _ in range(3):
        assert world.calls(world.look) == {Kind.SOAP_LIST: lists}
    assert {each.place for each in world.look().entries} == {each.place for each in held}


def test_what_there_was_none_of_and_no_room_to_ask_for_is_found_by_the_next_whole_look(world: World) -> None:
    hold(world, "login", "signing")
    world.look()
    hold(world, "payroll")
    assert [each.app for each in world.look().entries if each.type == Held.EXTERNAL_APP] == []
    world.looks.distrust("production")
    for _ in range(2):
        assert [each.app for each in world.look().entries if each.type == Held.EXTERNAL_APP] == ["Payroll"]


def test_a_command_finds_what_a_look_had_no_room_to_ask_for(world: World) -> None:
    hold(world, "login", "signing")
    world.look()
    hold(world, "payroll")
    assert "Payroll" in {each.app for each in world.look(is_command=True).entries}


def test_what_a_command_has_seen_meanwhile_is_not_taken_for_gone(world: World) -> None:
    hold(world, "login", "signing")
    world.look()
    hold(world, "payroll")
    elsewhere = world.look(WholeLooks(world.looks._settings))
    assert "Payroll" in {each.app for each in elsewhere.entries}
    assert "Payroll" in {each.app for each in world.look().entries}
