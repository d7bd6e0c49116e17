"""A component is written by an update or a deployment, and nothing that was begun takes effect unnoticed later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from rotator.config.settings import WriteMode
from rotator.errors import OrgError, OrgUnavailable, WriteUncertain
from rotator.salesforce.apps.directory import POLICIES_TYPE
from rotator.salesforce.faults import NotThere
from rotator.salesforce.writing.deployments import Deployments
from rotator.simulator.metadata import deploy
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.simulator.wire.soap import FaultError, fault_answer
from tests.tiers import longer
from tests.unit.salesforce.writing.conftest import APP, PATIENCE, SETTINGS, World, new_world

if TYPE_CHECKING:
    from rotator.salesforce.component import Component

TYPES: Final = pytest.mark.parametrize("metadata_type", [APP, SETTINGS])
QUEUED: Final = OrgSettings(deploy_seconds=30.0)
AT_WORK: Final = OrgSettings(deploy_seconds=30.0, deploy_work_seconds=20.0)
OTHER_ID: Final = "0Af000000000999AAA"
HIDDEN: Final = ("DeployRequest",)


def components(world: World) -> list[Component]:
    """Both, as a process reads them that starts now."""
    found = [*world.metadata().read(APP, ["Billing"]), *world.metadata().read(SETTINGS, ["Shipping_glbloauth"])]
    return [each for each in found if each]


@pytest.mark.parametrize("mode", [WriteMode.AUTO, WriteMode.DEPLOY])
def test_who_may_use_an_external_client_app_is_written_where_an_org_takes_deployments_alone(
    world: World, mode: WriteMode
) -> None:
    """A revocation writes it."""
    world.org.settings = replace(world.org.settings, external_apps_updatable=False)
    name = world.org.external_app("Shipping").satellites[POLICIES_TYPE].name
    [policies] = world.metadata().read(POLICIES_TYPE, [name])
    assert policies
    policies.put("AdminApprovedPreAuthorized", "permittedUsersPolicyType", after=("label",))
    world.writer(mode).write(policies)
    assert world.org.external_app("Shipping").is_admin_approved


@TYPES
@pytest.mark.parametrize("mode", WriteMode)
def test_a_component_is_written_whole_in_each_way(world: World, mode: WriteMode, metadata_type: str) -> None:
    before = components(world)
    world.writer(mode).write(world.component(metadata_type))
    assert world.live(metadata_type) == 1
    by_deployment = mode is WriteMode.DEPLOY
    assert (world.org.calls[Kind.SOAP_UPDATE], world.org.calls[Kind.SOAP_DEPLOY]) == (
        (0, 2) if by_deployment else (1, 0)
    )
    world.writer(mode).write(world.component(metadata_type, 0))
    assert [each.fields() for each in components(world)] == [each.fields() for each in before]


@TYPES
def test_an_org_checks_a_component_before_it_is_deployed(world: World, metadata_type: str) -> None:
    world.writer().write(world.component(metadata_type))
    assert [job.options["checkOnly"] for job in world.org.jobs] == [True, False]
    assert world.log.lines[-1] == "ended"


def test_what_an_org_refuses_as_a_file_is_told_in_its_words_and_nothing_is_begun(world: World) -> None:
    world.org.settings = OrgSettings(largest_certificate_bytes=100, certificate_message="Certificate too large.")
    with pytest.raises(OrgError, match=r"refuses Billing as it is deployed: Certificate too large\.") as caught:
        world.writer().write(world.component())
    assert not isinstance(caught.value, OrgUnavailable)
    assert caught.value.effect == "Nothing was changed."
    assert [job.options["checkOnly"] for job in world.org.jobs] == [True]
    assert (world.live(), world.log.lines) == (0, [])


def test_a_consumer_key_that_was_not_left_out_is_refused_in_the_orgs_words(world: World) -> None:
    component = world.component()
    component.put(
        world.org.app("Billing").client_id, "oauthConfig", "consumerKey", after=("certificate", "callbackUrl")
    )
    with pytest.raises(OrgError, match="You cannot provide a Consumer Key"):
        world.writer().write(component)


class TestAuto:
    """`write: auto`."""

    @pytest.fixture
    def world(self) -> World:
        return new_world(OrgSettings(external_apps_updatable=False))

    def test_what_an_org_refuses_to_update_is_deployed_and_remembered(self, world: World) -> None:
        world.writer(WriteMode.AUTO).write(world.component(SETTINGS))
        assert (world.live(SETTINGS), world.org.calls[Kind.SOAP_UPDATE]) == (1, 1)
        world.writer(WriteMode.AUTO).write(world.component(SETTINGS, 0))
        assert (world.live(SETTINGS), world.org.calls[Kind.SOAP_UPDATE]) == (0, 1)

    def test_the_other_type_is_updated_all_the_same(self, world: World) -> None:
        world.writer(WriteMode.AUTO).write(world.component(SETTINGS))
        world.writer(WriteMode.AUTO).write(world.component(APP))
        assert (world.live(APP), world.org.calls[Kind.SOAP_UPDATE], world.org.calls[Kind.SOAP_DEPLOY]) == (1, 2, 2)

    def test_what_is_refused_in_both_ways_is_told_as_the_update_was_refused(self, world: World) -> None:
        world.org.settings = replace(world.org.settings, largest_certificate_bytes=100)
        with pytest.raises(OrgError, match=r"\(INVALID_TYPE_FOR_OPERATION\)"):
            world.writer(WriteMode.AUTO).write(world.component(SETTINGS))
        with pytest.raises(OrgError, match=r"\(FIELD_INTEGRITY_EXCEPTION\): Invalid certificate"):
            world.writer(WriteMode.AUTO).write(world.component(APP))
        assert (world.live(APP), world.live(SETTINGS)) == (0, 0)
        assert all(job.options["checkOnly"] for job in world.org.jobs)

    def test_an_update_that_may_have_been_done_is_followed_by_no_deployment(self, world: World) -> None:
        world.org.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_ANSWER))
        with pytest.raises(WriteUncertain):
            world.writer(WriteMode.AUTO).write(world.component(APP))
        assert world.org.calls[Kind.SOAP_DEPLOY] == 0

    def test_an_org_that_is_only_to_be_updated_gets_no_deployment(self, world: World) -> None:
        with pytest.raises(OrgError, match=r"\(INVALID_TYPE_FOR_OPERATION\)"):
            world.writer(WriteMode.UPDATE).write(world.component(SETTINGS))
        assert world.org.calls[Kind.SOAP_DEPLOY] == 0


class TestWaiting:
    def test_a_deployment_is_asked_about_until_its_turn_has_come(self, world: World) -> None:
        world.org.settings = AT_WORK
        world.writer().write(world.component())
        assert world.live() == 1
        assert 100 <= world.time.seconds < 140
        assert world.org.calls[Kind.SOAP_STATUS] < 20

    def test_one_that_does_not_begin_is_checked_in_vain_and_nothing_changes(self, world: World) -> None:
        world.org.settings = OrgSettings(deploy_seconds=2 * PATIENCE)
        with pytest.raises(OrgUnavailable, match="did not come to check a deployment of Billing") as caught:
            world.writer().write(world.component())
        assert not isinstance(caught.value, WriteUncertain)
        assert "`deploy_timeout`" in caught.value.hint
        world.passes(timedelta(days=1))
        assert (world.live(), [job.status for job in world.org.jobs]) == (0, ["Canceled"])

    def test_one_whose_turn_does_not_come_after_its_check_is_taken_back(self, world: World) -> None:
        world.org.settings = QUEUED
        checked_after = 30.0

        def others_come_before_it() -> None:
            if world.time.seconds > checked_after:
                world.org.settings = OrgSettings(deploy_seconds=2 * PATIENCE)

        world.time.while_sleeping = others_come_before_it
        with pytest.raises(WriteUncertain, match=r"did not begin the deployment of Billing within .*taken back"):
            world.writer().write(world.component())
        assert world.log.unended() is None
        world.passes(timedelta(days=1))
        assert world.live() == 0

    @longer
    def test_one_that_is_at_work_and_does_not_end_is_known_to_the_next_run(self, world: World) -> None:
        def it_takes_long() -> None:
            world.org.settings = OrgSettings(deploy_work_seconds=2 * PATIENCE)

        world.org.settings = QUEUED
        world.time.while_sleeping = it_takes_long
        with pytest.raises(WriteUncertain, match="does not end: it is InProgress") as caught:
            world.writer().write(world.component())
        assert caught.value.effect == "The change may still be made."
        with pytest.raises(OrgUnavailable, match="has not ended: it is InProgress"):
            world.writer().settle(components(world)) if world.time.seconds < 600 else _settle_soon(world)
        world.passes(timedelta(seconds=2 * PATIENCE))
        assert world.writer().settle(components(world))
        assert (world.live(), world.log.unended()) == (1, None)

    def test_one_that_the_org_forgets_while_it_is_taken_back_was_checked_in_vain(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forgotten(_deployments: Deployments, _deployment: str) -> None:
            world.org.jobs.clear()
            raise NotThere("The org knows nothing of it.")

        world.org.settings = OrgSettings(deploy_seconds=2 * PATIENCE)
        monkeypatch.setattr(Deployments, "take_back", forgotten)
        with pytest.raises(OrgUnavailable, match="did not come to check a deployment of Billing"):
            world.writer().write(world.component())

    def test_the_one_that_was_asked_about_is_taken_back_whatever_id_the_org_tells(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told = deploy.deploy_result
        monkeypatch.setattr(deploy, "deploy_result", lambda *said, **how: {**told(*said, **how), "id": OTHER_ID})
        world.org.settings = QUEUED
        deployment = begun(world)
        assert world.writer()._deployments.progress(deployment).id == deployment
        assert world.writer().settle(components(world))
        assert [job.status for job in world.org.jobs] == ["Canceled"]

    def test_one_that_somebody_cancels_may_have_been_done(self, world: World) -> None:
        world.org.settings = QUEUED
        user = world.org.add_user("alex@rotator.example", may_use_metadata=True)

        def somebody_cancels() -> None:
            for job in world.org.jobs:
                if not job.options["checkOnly"]:
                    world.org.jobs.cancel(job, user)

        world.time.while_sleeping = somebody_cancels
        with pytest.raises(WriteUncertain, match=f"was canceled by {user.name}"):
            world.writer().write(world.component())
        assert world.log.unended() is None


def _settle_soon(world: World) -> None:
    """As a run whose patience ends before the deployment does."""
    writer = world.writer()
    writer._patience = 10.0  # type: ignore[misc] # a shorter one than the usual
    writer.settle(components(world))


class TestLostAnswers:
    """Each call that a deployment takes, and what is known when its answer is lost."""

    @pytest.mark.parametrize("settings", [OrgSettings(), QUEUED, AT_WORK], ids=["at once", "queued", "at work"])
    @pytest.mark.parametrize("hidden", [(), HIDDEN], ids=["listed", "not listed"])
    @TYPES
    def test_one_that_was_begun_without_an_answer_does_not_come_later(
        self, world: World, metadata_type: str, hidden: tuple[str, ...], settings: OrgSettings
    ) -> None:
        world.org.settings = replace(settings, hidden_types=hidden)
        world.org.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.LOSE_ANSWER, after=1))
        with pytest.raises(WriteUncertain, match="its answer was lost"):
            world.writer().write(world.component(metadata_type))
        assert world.log.unended() == ""
        assert world.writer().settle(components(world))
        found = world.live(metadata_type)
        world.passes(timedelta(days=1))
        assert world.live(metadata_type) == found == 1
        assert world.log.unended() is None

    def test_one_that_is_not_asked_about_any_more_is_known_by_its_id(self, world: World) -> None:
        world.org.settings = replace(QUEUED, hidden_types=HIDDEN)
        world.org.faults.add(Fault(Kind.SOAP_STATUS, Effect.LOSE_ANSWER, times=20, after=8))
        with pytest.raises(WriteUncertain):
            world.writer().write(world.component())
        world.org.faults.clear()
        assert world.log.unended()
        assert world.writer().settle(components(world))
        found = world.live()
        world.passes(timedelta(days=1))
        assert world.live() == found

    def test_a_status_whose_answer_is_lost_now_and_then_is_asked_for_again(self, world: World) -> None:
        world.org.settings = QUEUED
        world.org.faults.add(Fault(Kind.SOAP_STATUS, Effect.LOSE_ANSWER, times=3, after=2))
        world.writer().write(world.component())
        assert world.live() == 1

    def test_a_check_whose_answer_is_lost_changes_nothing(self, world: World) -> None:
        world.org.settings = QUEUED
        world.org.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.LOSE_ANSWER))
        with pytest.raises(OrgUnavailable) as caught:
            world.writer().write(world.component())
        assert not isinstance(caught.value, WriteUncertain)
        world.passes(timedelta(days=1))
        assert (world.live(), world.log.lines) == (0, [])

    def test_one_that_the_org_was_too_busy_for_was_not_begun(self, world: World) -> None:
        world.org.faults.add(Fault(Kind.SOAP_DEPLOY, Effect.FAIL, times=None, after=1, answer="already_in_process"))
        with pytest.raises(OrgUnavailable, match="is busy") as caught:
            world.writer().write(world.component())
        assert caught.value.effect == "Nothing was changed."
        assert world.log.unended() is None

    def test_the_old_certificate_that_a_run_puts_back_by_an_update_stays(self, world: World) -> None:
        """The race: a process dies with its deployment in the queue, and the next one wants the opposite."""
        world.org.settings = QUEUED
        world.org.faults.add(Fault(Kind.SOAP_STATUS, Effect.FAIL, times=None, after=8))
        with pytest.raises(WriteUncertain):
            world.writer().write(world.component())
        world.org.faults.clear()
        world.org.put_certificate("Billing", None)
        world.writer(WriteMode.UPDATE).settle(components(world))
        world.writer(WriteMode.UPDATE).write(world.component(number=0))
        world.passes(timedelta(days=1))
        assert world.live() == 0


class TestSettling:
    def test_nothing_is_asked_where_nothing_can_be_under_way(self, world: World) -> None:
        [billing, _] = components(world)
        world.org.calls.clear()
        for mode in (WriteMode.UPDATE, WriteMode.AUTO):
            assert not world.writer(mode).settle([billing])
        assert not world.org.calls

    def test_the_org_is_asked_once_where_something_can_be(self, world: World) -> None:
        [billing, shipping] = components(world)
        for mode, component in ((WriteMode.DEPLOY, billing), (WriteMode.AUTO, shipping)):
            world.org.calls.clear()
            assert not world.writer(mode).settle([component])
            assert world.org.calls == {Kind.TOKEN: 1, Kind.TOOLING: 1}

    def test_ours_is_taken_back_while_it_waits(self, world: World) -> None:
        world.org.settings = QUEUED
        deployment = begun(world)
        assert world.writer().settle(components(world))
        assert world.org.jobs.find(deployment).status == "Canceled"  # type: ignore[union-attr] # it was begun
        assert world.time.seconds < 5

    def test_ours_is_waited_for_when_it_is_at_work(self, world: World) -> None:
        world.org.settings = AT_WORK
        begun(world)
        world.passes(timedelta(seconds=35))
        assert world.writer().settle(components(world))
        assert world.live() == 1

    def test_one_of_another_process_of_the_same_user_is_waited_for_and_not_taken_back(self, world: World) -> None:
        world.org.settings = QUEUED
        begun(world)
        world.log.lines.clear()
        assert world.writer().settle(components(world))
        assert world.live() == 1

    def test_one_of_another_user_is_none_of_ours(self, world: World) -> None:
        world.org.settings = OrgSettings(deploy_seconds=2 * PATIENCE)
        begun(world)
        world.log.lines.clear()
        for job in world.org.jobs:
            job.user = world.org.add_user("alex@rotator.example")
        assert not world.writer().settle(components(world))

    def test_one_that_the_org_has_forgotten_has_ended(self, world: World) -> None:
        begun(world)
        world.org.jobs.clear()
        assert world.writer().settle(components(world))
        assert world.log.unended() is None

    def test_one_that_may_not_be_asked_about_has_not_ended(self, world: World) -> None:
        world.org.settings = QUEUED
        begun(world)
        found, writer = components(world), world.writer()
        refused = fault_answer(FaultError("INSUFFICIENT_ACCESS", "no"))
        world.org.faults.add(Fault(Kind.SOAP_STATUS, Effect.FAIL, times=None, answer=refused))
        with pytest.raises(OrgError, match="INSUFFICIENT_ACCESS"):
            writer.settle(found)
        assert world.log.unended()

    def test_an_org_that_is_away_leaves_it_to_the_next_run(self, world: World) -> None:
        world.org.settings = QUEUED
        begun(world)
        found = components(world)
        world.org.faults.add(Fault(Kind.TOOLING, Effect.FAIL, times=None))
        with pytest.raises(OrgUnavailable):
            world.writer().settle(found)
        assert world.log.unended()


def begun(world: World) -> str:
    """A process dies when its deployment has just been begun."""
    deployment = world.writer()._deployments.begin([world.component()], check_only=False)
    world.log.begun("Billing", deployment)
    return deployment
