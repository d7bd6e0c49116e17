"""Which exit code a command ends with."""

from __future__ import annotations

import inspect

import pytest

from rotator import errors
from rotator.cli.exit_codes import ExitCode, of_end, of_error, of_several
from rotator.errors import ConfigurationError, RotationReverted, RotatorError, StoreError, StoreUnavailable
from rotator.services.rotation.report import Outcome
from rotator.services.schedule.jobs import CycleEnd

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RotatorError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_whether_it_may_be_tried_again(kind: type[RotatorError]) -> None:
    code = of_error(kind("x", hint="y"))
    special = {ConfigurationError: ExitCode.WRONG_INPUT, RotationReverted: ExitCode.REVERTED}
    assert code == special.get(kind, ExitCode.AWAY if kind.transient else ExitCode.PERSON_NEEDED)


def test_the_errors_of_a_plug_in_end_as_those_that_they_are_derived_from() -> None:
    class NoQuota(StoreError): ...

    class Sealed(StoreUnavailable): ...

    class NoSuchRegion(ConfigurationError): ...

    assert [of_error(kind("x", hint="y")) for kind in (NoQuota, Sealed, NoSuchRegion)] == [1, 3, 2]


def test_every_end_of_a_run_and_of_a_cycle_has_one() -> None:
    assert {outcome: int(of_end(outcome)) for outcome in Outcome} == {
        Outcome.ROTATED: 0,
        Outcome.RESTORED: 0,
        Outcome.NOTHING: 0,
        Outcome.WAITING: 3,
        Outcome.REVERTED: 4,
        Outcome.HALTED: 1,
        Outcome.INTERRUPTED: 130,
    }
    assert {end: int(of_end(end)) for end in CycleEnd} == {
        CycleEnd.WELL: 0,
        CycleEnd.AWAY: 3,
        CycleEnd.ATTENTION: 1,
        CycleEnd.INTERRUPTED: 130,
    }


def test_of_several_the_first_that_is_not_well_counts() -> None:
    assert of_several([ExitCode.DONE, ExitCode.AWAY, ExitCode.REVERTED]) is ExitCode.AWAY
    assert of_several([ExitCode.DONE]) is of_several([]) is ExitCode.DONE


def test_of_several_an_interruption_counts_before_all() -> None:
    assert of_several([ExitCode.DONE, ExitCode.REVERTED, ExitCode.INTERRUPTED]) is ExitCode.INTERRUPTED
