"""Reads are repeated while the org is away, writes only while nothing was done; a lost answer is said to be lost."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import OrgError, OrgUnavailable, WriteUncertain
from rotator.salesforce.metadata import ATTEMPTS, MetadataService
from rotator.simulator.wire.answers import html_answer, xml_answer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.session_proof import prove_alive
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.salesforce.component import Component
    from rotator.salesforce.session import OrgSession
    from rotator.salesforce.transport import Transport
    from rotator.simulator.org.org import Org

APP = "ConnectedApp"


@pytest.fixture
def metadata(
    production: Org, open_session: Callable[..., OrgSession], metadata_of: Callable[[OrgSession], MetadataService]
) -> MetadataService:
    return metadata_of(open_session(production))


@pytest.fixture
def hasty(
    production: Org,
    open_session: Callable[..., OrgSession],
    metadata_of: Callable[[OrgSession], MetadataService],
    near: Transport,
) -> MetadataService:
    """Gives an answer up that never comes; it is logged in already."""
    session = open_session(production, over=near)
    prove_alive(session)
    return metadata_of(session)


@pytest.fixture
def billing(metadata: MetadataService) -> Component:
    component = metadata.read(APP, ["Billing"])[0]
    assert component is not None
    component.drop("oauthConfig", "consumerKey")
    return component


def test_the_types_of_an_org_are_known(metadata: MetadataService) -> None:
    assert APP in metadata.describe()


def test_components_are_listed_by_name_with_who_changed_them_last(production: Org, metadata: MetadataService) -> None:
    listings = metadata.list_components(APP)
    assert [listing.full_name for listing in listings] == ["Billing", "Rotator"]
    assert listings[0].last_modified_by == production.users["robot@rotator.example"].name
    assert listings[0].last_modified_at
    assert abs(listings[0].last_modified_at - production.app("Billing").modified_at).total_seconds() < 0.001
    assert str(listings[0].last_modified_at.tzinfo) == "UTC"


def test_more_types_than_one_call_takes_are_listed_in_several(production: Org, metadata: MetadataService) -> None:
    types = (APP, "Certificate", "SamlSsoConfig", "ExtlClntAppGlobalOauthSettings")
    assert [listing.full_name for listing in metadata.list_components(*types)] == ["Billing", "Rotator"]
    assert production.calls[Kind.SOAP_LIST] == 2


def test_an_org_without_components_lists_none(production: Org, metadata: MetadataService) -> None:
    metadata.describe()
    production.apps.clear()
    assert metadata.list_components(APP) == []


def test_more_components_than_one_call_takes_are_read_in_their_order(
    production: Org, metadata: MetadataService
) -> None:
    names = [f"App_{number}" for number in range(23)]
    for name in names:
        production.add_app(name)
    found = metadata.read(APP, [*reversed(names), "Missing", "Billing"])
    assert [component and component.full_name for component in found] == [*reversed(names), None, "Billing"]
    assert production.calls[Kind.SOAP_READ] == 3


def test_nothing_asked_is_nothing_read(production: Org, metadata: MetadataService) -> None:
    assert metadata.read(APP, []) == []
    assert production.calls[Kind.SOAP_READ] == 0


@pytest.mark.parametrize(
    "answer",
    ["http_503", "http_502", "http_420", "unknown_exception", "already_in_process", "server_unavailable"],
)
def test_a_read_is_repeated_until_the_org_is_back(
    production: Org, metadata: MetadataService, pauses: list[float], answer: str
) -> None:
    production.faults.add(Fault(Kind.SOAP_READ, Effect.FAIL, times=3, answer=answer))
    assert metadata.read(APP, ["Billing"])[0] is not None
    assert pauses == [2.0, 4.0, 8.0]


@pytest.mark.parametrize("effect", [Effect.HANG, Effect.LOSE_ANSWER])
def test_a_read_whose_answer_was_lost_is_repeated(production: Org, hasty: MetadataService, effect: Effect) -> None:
    production.faults.add(Fault(Kind.SOAP_READ, effect))
    assert hasty.read(APP, ["Billing"])[0] is not None


def test_a_read_that_is_only_slow_is_waited_for(
    production: Org, metadata: MetadataService, pauses: list[float]
) -> None:
    production.faults.add(Fault(Kind.SOAP_READ, Effect.SLOW, seconds=0.2))
    assert metadata.read(APP, ["Billing"])[0] is not None
    assert pauses == []


def test_repeating_ends(production: Org, metadata: MetadataService, pauses: list[float]) -> None:
    production.faults.add(Fault(Kind.SOAP_READ, Effect.FAIL, times=None))
    with pytest.raises(OrgUnavailable, match=r"The org production is away \(HTTP 503\)"):
        metadata.read(APP, ["Billing"])
    assert production.calls[Kind.SOAP_READ] == ATTEMPTS
    assert pauses == [2.0, 4.0, 8.0, 16.0, 30.0]


def test_an_org_out_of_calls_for_the_day_is_not_asked_again(
    production: Org, metadata: MetadataService, pauses: list[float]
) -> None:
    production.faults.add(Fault(Kind.SOAP_READ, Effect.FAIL, answer="request_limit_exceeded"))
    with pytest.raises(OrgUnavailable, match="used up its API calls of the day"):
        metadata.read(APP, ["Billing"])
    assert pauses == []


def test_a_login_that_fails_for_a_while_is_repeated_with_the_read(production: Org, metadata: MetadataService) -> None:
    production.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=2))
    assert metadata.read(APP, ["Billing"])[0] is not None


def test_a_session_that_ended_is_opened_again_within_the_call(
    production: Org, metadata: MetadataService, billing: Component, pauses: list[float]
) -> None:
    production.sessions.end_all()
    metadata.update(billing)
    assert pauses == []
    assert len(production.logins) == 2


@pytest.mark.parametrize("answer", ["already_in_process", "server_unavailable"])
def test_a_write_is_repeated_while_the_org_says_that_nothing_was_done(
    production: Org, metadata: MetadataService, billing: Component, pauses: list[float], answer: str
) -> None:
    production.faults.add(Fault(Kind.SOAP_UPDATE, Effect.FAIL, times=2, answer=answer))
    metadata.update(billing)
    assert pauses == [2.0, 4.0]


@pytest.mark.parametrize("answer", ["unknown_exception", "http_503", "http_502", html_answer(200, "<p>hello</p>")])
def test_a_write_that_may_have_been_done_is_not_repeated(
    production: Org, metadata: MetadataService, billing: Component, pauses: list[float], answer: Any
) -> None:
    production.faults.add(Fault(Kind.SOAP_UPDATE, Effect.FAIL, answer=answer))
    with pytest.raises(WriteUncertain, match="asked to change Billing, and its answer was lost"):
        metadata.update(billing)
    assert production.calls[Kind.SOAP_UPDATE] == 1
    assert pauses == []


@pytest.mark.parametrize("effect", [Effect.HANG, Effect.LOSE_ANSWER])
def test_a_write_whose_answer_was_lost_is_not_repeated(
    production: Org, hasty: MetadataService, billing: Component, effect: Effect
) -> None:
    production.faults.add(Fault(Kind.SOAP_UPDATE, effect))
    with pytest.raises(WriteUncertain, match="may or may not have been made"):
        hasty.update(billing)
    assert production.calls[Kind.SOAP_UPDATE] == 1


def test_a_refused_write_says_why_in_the_orgs_words(
    production: Org, metadata: MetadataService, billing: Component
) -> None:
    billing.put(production.app("Billing").client_id, "oauthConfig", "consumerKey", after=("callbackUrl", "certificate"))
    with pytest.raises(OrgError, match="You cannot provide a Consumer Key") as caught:
        metadata.update(billing)
    assert not isinstance(caught.value, OrgUnavailable)


def test_a_write_that_is_answered_with_no_result_is_uncertain(
    production: Org, metadata: MetadataService, billing: Component
) -> None:
    nothing = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<updateMetadataResponse xmlns="http://soap.sforce.com/2006/04/metadata"/></e:Body></e:Envelope>'
    )
    production.faults.add(Fault(Kind.SOAP_UPDATE, Effect.FAIL, answer=xml_answer(200, nothing)))
    with pytest.raises(WriteUncertain):
        metadata.update(billing)


def test_a_user_without_the_permission_is_told_which_one_is_missing(production: Org, metadata: MetadataService) -> None:
    production.users["robot@rotator.example"].may_use_metadata = False
    with pytest.raises(OrgError, match="INSUFFICIENT_ACCESS") as caught:
        metadata.describe()
    assert "Modify Metadata Through Metadata API Functions" in caught.value.hint


def test_an_answer_of_another_schema_is_not_half_understood(production: Org, metadata: MetadataService) -> None:
    strange = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<readMetadataResponse xmlns="http://soap.sforce.com/2006/04/metadata"><result><surprise/></result>'
        "</readMetadataResponse></e:Body></e:Envelope>"
    )
    production.faults.add(Fault(Kind.SOAP_READ, Effect.FAIL, times=None, answer=xml_answer(200, strange)))
    with pytest.raises(OrgError, match="does not answer like the Metadata API"):
        metadata.read(APP, ["Billing"])


def test_no_log_holds_the_session_id(
    production: Org,
    open_session: Callable[..., OrgSession],
    metadata_of: Callable[[OrgSession], MetadataService],
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = open_session(production)
    with caplog.at_level(logging.DEBUG):
        metadata_of(session).read(APP, ["Billing"])
        prove_alive(session)
    secret = session.call(lambda _url, token: token.reveal())
    assert caplog.records
    assert secret not in caplog.text
    assert "assertion=" not in caplog.text


@longer
def test_orgs_that_are_read_at_once_do_not_mix(
    production: Org,
    sandbox: Org,
    open_session: Callable[..., OrgSession],
    metadata_of: Callable[[OrgSession], MetadataService],
) -> None:
    wrong: list[object] = []

    def read(org: Org) -> None:
        metadata = metadata_of(open_session(org))
        for _ in range(20):
            [found] = metadata.read(APP, ["Billing"])
            if found is None or found.text("oauthConfig", "consumerKey") != org.app("Billing").client_id:
                wrong.append(found)

    threads = [threading.Thread(target=read, args=(org,)) for org in (production, sandbox) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert production.calls[Kind.SOAP_READ] == sandbox.calls[Kind.SOAP_READ] == 40
