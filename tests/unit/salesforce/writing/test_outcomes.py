"""Whatever a deployment ends with is told in a person's words, with what was left as it was and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.errors import OrgError, OrgUnavailable, WriteUncertain
from rotator.salesforce.transport import AnswerLost
from rotator.simulator.wire.answers import xml_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.simulator.wire.soap import ENVELOPE, METADATA

if TYPE_CHECKING:
    from rotator.simulator.wire.answers import Answer
    from tests.unit.salesforce.writing.conftest import World

ID = "0Af000000000001AAA"


def envelope(result: str) -> Answer:
    """An answer to checkDeployStatus."""
    body = f"<checkDeployStatusResponse><result>{result}</result></checkDeployStatusResponse>"
    return xml_answer(200, f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns="{METADATA}"><e:Body>{body}</e:Body></e:Envelope>')


def answer(status: str, more: str = "", details: str = "", *, done: str = "true") -> Fault:
    """The answer to checkDeployStatus; a real one tells more, of which nothing is read."""
    result = (
        f"<details>{details}</details><done>{done}</done>{more}<id>{ID}</id><status>{status}</status>"
        "<success>false</success>"
    )
    return Fault(Kind.SOAP_STATUS, Effect.FAIL, answer=envelope(result))


def ending(world: World, *faults: Fault) -> OrgError:
    """How writing ends when the org tells this of the check."""
    world.org.faults.add(*faults)
    with pytest.raises(OrgError) as caught:
        world.writer().write(world.component())
    return caught.value


def failure(problem: str) -> str:
    """One component that an org refuses."""
    return (
        "<componentFailures><componentType>ConnectedApp</componentType><fullName>Billing</fullName>"
        f"<problem>{problem}</problem></componentFailures>"
    )


@pytest.mark.parametrize(
    "problem",
    [
        "The consumer key is already taken",
        "You cannot provide a Consumer Key",
        "Element {http://soap.sforce.com/2006/04/metadata}newer invalid at this location in type ConnectedApp",
        "Required field is missing: contactEmail",
    ],
)
def test_a_component_is_refused_in_the_orgs_words(world: World, problem: str) -> None:
    error = ending(world, answer("Failed", details=failure(problem)))
    assert error.message == f"The org production refuses Billing as it is deployed: {problem}."
    assert error.effect == "Nothing was changed."
    assert not error.transient


def test_words_of_an_org_are_kept_to_a_line(world: World) -> None:
    error = ending(world, answer("Failed", details=failure("bad&#10;&#x1b5;" + "x" * 5000)))
    assert "\n" not in error.message
    assert len(error.message) < 700


def test_tests_of_the_org_that_fail_are_named(world: World) -> None:
    failures = "".join(
        f"<failures><methodName>method{each}</methodName><name>Orders</name></failures>" for each in range(5)
    )
    details = f"<runTestResult><numFailures>5</numFailures>{failures}</runTestResult>"
    error = ending(world, answer("Failed", details=details))
    named = "5 tests of its own failed: Orders.method0, Orders.method1 and Orders.method2 and 2 more"
    assert named in error.message
    assert "`write: update`" in error.hint


def test_tests_that_try_too_little_are_told(world: World) -> None:
    warning = "<codeCoverageWarnings><message>Average test coverage is 61%</message></codeCoverageWarnings>"
    error = ending(world, answer("Failed", details=f"<runTestResult>{warning}</runTestResult>"))
    assert "refuses it: Average test coverage is 61%." in error.message


def test_an_org_that_is_locked_by_another_change_is_to_be_asked_later(world: World) -> None:
    told = "<errorMessage>The setup is locked.</errorMessage><errorStatusCode>ALREADY_IN_PROCESS</errorStatusCode>"
    error = ending(world, answer("Failed", told))
    assert isinstance(error, OrgUnavailable)
    assert not isinstance(error, AnswerLost)
    assert error.message == "The org production is busy (ALREADY_IN_PROCESS): The setup is locked."


def test_a_user_without_the_permission_is_told_which(world: World) -> None:
    component, writer = world.component(), world.writer()
    world.org.users["robot@rotator.example"].may_use_metadata = False
    with pytest.raises(OrgError, match="INSUFFICIENT_ACCESS") as caught:
        writer.write(component)
    assert "Modify Metadata Through Metadata API Functions" in caught.value.hint


def test_an_org_in_maintenance_is_away(world: World) -> None:
    error = ending(world, Fault(Kind.SOAP_DEPLOY, Effect.FAIL, times=None, answer="http_503"))
    assert isinstance(error, OrgUnavailable)
    assert error.message == "The org production is away (HTTP 503)."


@pytest.mark.parametrize("status", ["FinalizingFailed", "Canceled"])
def test_one_that_was_broken_off_may_have_been_done_unless_it_was_only_checked(world: World, status: str) -> None:
    check = ending(world, answer(status, "<checkOnly>true</checkOnly>"))
    assert isinstance(check, OrgUnavailable)
    assert not isinstance(check, WriteUncertain)
    assert check.effect == "Nothing was changed."
    error = ending(world, replace(answer(status), after=1))
    assert isinstance(error, WriteUncertain)
    assert error.effect == "The change was most likely not made."


@pytest.mark.parametrize(
    "end",
    [
        answer("Failed", "<errorMessage>oops</errorMessage><errorStatusCode>UNKNOWN_EXCEPTION</errorStatusCode>"),
        answer("SucceededPartial", details=failure("Required field is missing: label")),
        answer("SomethingNewer", details=failure("Required field is missing: label")),
        answer("SomethingNewer", "<errorMessage>no</errorMessage><errorStatusCode>INVALID_TYPE</errorStatusCode>"),
        answer("SomethingNewer"),
    ],
    ids=["the org failed itself", "done in part", "unknown, with a problem", "unknown, with a code", "unknown"],
)
def test_an_end_that_does_not_say_that_nothing_was_done_is_looked_at_again(world: World, end: Fault) -> None:
    check = ending(world, end)
    assert (check.effect, check.wrote_nothing) == ("Nothing was changed.", True)
    assert not isinstance(check, WriteUncertain)
    error = ending(world, replace(end, after=1))
    assert isinstance(error, WriteUncertain)
    assert (error.effect, error.wrote_nothing) == ("The change may have been made.", False)
    assert error.rerun


def test_one_that_ends_without_a_reason_is_looked_up_in_setup(world: World) -> None:
    error = ending(world, answer("Failed"))
    assert error.message == "The deployment of Billing in the org production ended as Failed, without a reason."
    assert "Deployment Status" in error.hint


@pytest.mark.parametrize("shape", ["", "<status/>", "<status><a/></status>", "<status>1</status><status>2</status>"])
def test_an_answer_that_is_none_is_asked_for_again(world: World, shape: str) -> None:
    world.org.faults.add(
        Fault(Kind.SOAP_STATUS, Effect.FAIL, times=3, answer=envelope(shape)),
        Fault(Kind.SOAP_DEPLOY, Effect.FAIL, answer=envelope(shape)),
    )
    with pytest.raises(OrgUnavailable):
        world.writer().write(world.component())
    world.writer().write(world.component())
    assert world.live() == 1
