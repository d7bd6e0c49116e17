"""A credential that was revoked comes back with another key: what a request means then, and what its user gets."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Stages
from rotator.core.decision.options import RotationOptions
from rotator.errors import OrgError, RotationHalted
from rotator.history.records import NewRotation
from rotator.services.rotation import rotation_service as service_module
from rotator.services.rotation.requests import Request
from rotator.services.rotation.rotation_service import RotationService
from tests.unit.revoked import revoke
from tests.unit.services.bench import NOW

if TYPE_CHECKING:
    from rotator.core.credentials import Version
    from rotator.history.records import Rotation
    from tests.unit.services.bench import Bench

ADOPT = Request("adopt", Actor("alex@laptop"))
THE_ACCESS: Any = "access"


class Asked:
    """What is asked of what lets users in, and how it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.let_in: list[tuple[object, ...]] = []
        self.refused_keys: list[tuple[object, ...]] = []
        self.returned: list[tuple[object, ...]] = []
        self.discarded: list[str] = []
        self.undone = False
        self.fails: OrgError | None = None
        for name in ("refuse_to_return", "is_let_in", "refuse_revoked_key", "return_access"):
            monkeypatch.setattr(service_module, name, getattr(self, f"_{name}"))
        monkeypatch.setattr(service_module, "undone", lambda *_: self.undone)
        monkeypatch.setattr(service_module, "discard_pending", lambda _, version: self.discarded.append(version))

    def _refuse_to_return(self, _journal: object, name: str, _now: object, *, is_let_in: Any) -> None:
        assert name == "billing"
        is_let_in()

    def _is_let_in(self, *about: object) -> bool:
        self.let_in.append(about)
        return False

    def _refuse_revoked_key(self, *about: object) -> None:
        self.refused_keys.append(about)

    def _return_access(self, *about: object) -> tuple[str, ...]:
        self.returned.append(about)
        if self.fails:
            raise self.fails
        return ("A profile is no more.",)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def service(one: Bench, access: Any = THE_ACCESS, **context: Any) -> RotationService:
    made = one.rotation_service()
    credential = replace(made._credential, **context)
    return RotationService(
        credential, made._journal, made._locks, made._run_context, (lambda: access) if access else None
    )


def begun(one: Bench, brings_back: str | None = None) -> Rotation:
    new = NewRotation(
        credential="billing",
        org="production",
        strategy="in_place",
        trigger="manual",
        actor="ada",
        goal="adopt" if brings_back else "replace",
        brings_back=brings_back,
    )
    return one.journal.begin_rotation(new, one.now())


def test_of_what_was_not_revoked_or_where_no_access_is_known_a_request_means_what_it_says(
    one: Bench, asked: Asked
) -> None:
    asked.undone = True
    assert service(one)._as_meant(NOW) == (NOW, False)
    revoke(one.journal, one.now())
    assert service(one, access=None)._as_meant(NOW) == (NOW, False)
    assert asked.let_in == []


@pytest.mark.parametrize("is_undone", [False, True])
@pytest.mark.parametrize("is_begun", [False, True])
def test_a_certificate_that_somebody_put_there_is_not_replaced_unasked_where_nothing_was_begun(
    one: Bench, asked: Asked, *, is_undone: bool, is_begun: bool
) -> None:
    revoke(one.journal, one.now())
    asked.undone = is_undone
    if is_begun:
        begun(one)
    mine = service(one)
    meant, was_undone = mine._as_meant(NOW)
    assert was_undone == (is_undone and not is_begun)
    assert meant.options == RotationOptions(retire_now=True, replace_unknown=not was_undone)
    assert asked.let_in == [(mine._credential, THE_ACCESS)]


@pytest.mark.parametrize("is_stored", [False, True])
def test_what_was_never_stored_comes_back_with_its_first_version(one: Bench, asked: Asked, *, is_stored: bool) -> None:
    assert not asked.undone
    revoke(one.journal, one.now())
    if not is_stored:
        one.store.staged = Stages()
        with pytest.raises(RotationHalted, match="no current version that another could replace"):
            service(one)._as_meant(NOW)
    assert service(one)._as_meant(replace(NOW, goal="replace" if is_stored else "enroll"))


def test_a_credential_that_its_store_lost_was_stored_all_the_same(one: Bench, asked: Asked) -> None:
    assert not asked.undone
    one.handle()
    one.store.staged = Stages()
    revoke(one.journal, one.now())
    assert service(one)._as_meant(NOW)


def test_whether_a_key_was_its_own_is_asked_before_it_is_adopted_and_not_of_one_that_is_on_its_way(
    one: Bench, asked: Asked
) -> None:
    one.journal.record("promote", now=one.now(), credential="billing", version="p" * 64)
    revoke(one.journal, one.now())
    version: Version = one.version("Billing", key=one.new_key())
    mine = service(one)
    mine._as_meant(ADOPT, version)
    assert asked.refused_keys == [(mine._credential, version, "p" * 64)]
    mine._as_meant(NOW)
    begun(one, version.fingerprint)
    mine._as_meant(ADOPT, version)
    assert len(asked.refused_keys) == 1
    mine._as_meant(ADOPT, one.version("Billing", key=one.new_key()))
    assert len(asked.refused_keys) == 2


def test_who_was_shut_out_gets_his_access_back_before_the_run(one: Bench, asked: Asked) -> None:
    mine, version = service(one), one.version("Billing", key=one.new_key())
    assert mine._bring_back(begun(one), version) == (), "it was not revoked"
    revoke(one.journal, one.now())
    rotation = begun(one)
    assert mine._bring_back(None, version) == ()
    assert service(one, access=None)._bring_back(rotation, version) == ()
    assert asked.returned == []
    assert mine._bring_back(rotation, version) == ("A profile is no more.",)
    [about] = asked.returned
    assert about[:4] == (mine._credential, THE_ACCESS, mine._journal, version)
    secrets = SimpleNamespace(read=lambda _app: None)
    assert service(one, secrets=cast("Any", secrets))._bring_back(rotation, version) == ()
    assert len(asked.returned) == 1, "a client secret logs in as whom its app names"


@pytest.mark.parametrize("whose", ["its own", "another's", "another's, and live"])
def test_what_was_pending_when_it_was_revoked_is_not_used_any_more(one: Bench, asked: Asked, whose: str) -> None:
    revoke(one.journal, one.now())
    rotation = begun(one)
    version = one.version("Billing", key=one.new_key())
    one.store.put_pending(replace(version, rotation_id=rotation.id if whose == "its own" else "earlier"))
    if whose == "another's, and live":
        one.live["Billing"] = version.certificate
    service(one)._bring_back(rotation)
    assert asked.discarded == ([version.fingerprint] if whose == "another's" else [])


def test_access_that_cannot_be_given_back_stops_the_rotation_where_it_is(one: Bench, asked: Asked) -> None:
    revoke(one.journal, one.now())
    rotation = begun(one)
    asked.fails = OrgError("It may not be given.", hint="Give the permission.")
    with pytest.raises(OrgError, match="It may not be given"):
        service(one)._bring_back(rotation)
    stopped = one.events()[-1]
    assert (stopped.kind, stopped.rotation_id) == ("stopped", rotation.id)
    assert (stopped.details["hint"], stopped.details["needs_person"]) == ("Give the permission.", True)


@pytest.mark.parametrize(
    ("is_undone", "is_asked", "is_returned"), [(False, False, True), (True, False, False), (True, True, True)]
)
def test_while_a_certificate_of_somebody_else_is_there_no_access_is_given_back_unasked(
    one: Bench, asked: Asked, monkeypatch: pytest.MonkeyPatch, *, is_undone: bool, is_asked: bool, is_returned: bool
) -> None:
    revoke(one.journal, one.now())
    asked.undone = is_undone
    given: list[object] = []
    mine = service(one)

    def bring_back(rotation: object) -> tuple[str, ...]:
        given.append(rotation)
        return ()

    monkeypatch.setattr(mine, "_bring_back", bring_back)
    mine.handle(replace(NOW, options=RotationOptions(replace_unknown=is_asked)))
    assert len(given) == int(is_returned)
    assert all(given), "the rotation that was begun for it"
