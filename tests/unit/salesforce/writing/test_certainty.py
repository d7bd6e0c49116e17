"""Whether an error says that nothing was written: then nothing that was proven before is in doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from rotator.errors import LoginRefused, OrgError
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.unit.salesforce.writing.conftest import PATIENCE, World

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUED: Final = OrgSettings(deploy_seconds=30.0)


def failed(world: World) -> OrgError:
    """What a write ends with."""
    component = world.component()
    with pytest.raises(OrgError) as caught:
        world.writer().write(component)
    return caught.value


def once_begun(world: World, happens: Callable[[], object]) -> None:
    """Has something happen while it is waited for the deployment that is to write."""

    def when_it_is() -> None:
        if world.log.unended():
            world.time.while_sleeping = lambda: None
            happens()

    world.time.while_sleeping = when_it_is


def test_what_is_refused_when_it_is_checked_was_not_written(world: World) -> None:
    world.org.settings = OrgSettings(largest_certificate_bytes=100)
    assert failed(world).wrote_nothing


@pytest.mark.parametrize("effect", [Effect.LOSE_ANSWER, Effect.FAIL])
@pytest.mark.parametrize("call", [Kind.SOAP_DEPLOY, Kind.SOAP_STATUS])
def test_whatever_comes_while_it_is_checked_nothing_was_written(world: World, call: Kind, effect: Effect) -> None:
    world.org.faults.add(Fault(call, effect, times=None))
    assert failed(world).wrote_nothing


def test_what_was_not_checked_in_time_was_not_written(world: World) -> None:
    world.org.settings = OrgSettings(deploy_seconds=2 * PATIENCE)
    assert failed(world).wrote_nothing


def test_what_the_org_does_not_begin_is_not_written(world: World) -> None:
    world.org.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.FAIL, times=None, after=1, answer="already_in_process"))
    assert failed(world).wrote_nothing


def test_what_the_org_refuses_after_its_check_is_put_back(world: World) -> None:
    world.org.settings = QUEUED
    changes = replace(QUEUED, largest_certificate_bytes=100)
    once_begun(world, lambda: setattr(world.org, "settings", changes))
    assert failed(world).wrote_nothing
    assert world.live() == 0


def test_what_was_begun_without_an_answer_may_be_written(world: World) -> None:
    world.org.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.LOSE_ANSWER, after=1))
    assert not failed(world).wrote_nothing


def test_what_is_not_asked_about_any_more_may_be_written(world: World) -> None:
    world.org.settings = QUEUED
    once_begun(world, lambda: world.org.faults.add(Fault(Kind.SOAP_STATUS, Effect.FAIL, times=None)))
    assert not failed(world).wrote_nothing


def test_a_login_that_is_refused_after_the_beginning_says_that_it_may_be_written(world: World) -> None:
    def the_session_ends() -> None:
        world.org.faults.add(Fault(Kind.SOAP_STATUS, Effect.FAIL, times=None, answer="invalid_session"))
        world.org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion"))

    world.org.settings = QUEUED
    once_begun(world, the_session_ends)
    error = failed(world)
    assert isinstance(error, LoginRefused)
    assert (error.effect, error.wrote_nothing) == ("The change may have been made, or be made later.", False)
    world.org.faults.clear()
    assert world.writer().settle([world.component()])
