"""Versions and their document, and the stages that they stand in."""

from __future__ import annotations

import json
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rotator.core.credentials import Fingerprint, Stage, Stages, Version
from rotator.core.secret import Secret
from rotator.errors import StoreError
from rotator.testing.versions import make_version, spare_key

VERSION = make_version(key=spare_key(0))
FIELDS: dict[str, Any] = json.loads(VERSION.to_document().reveal())
TEXTS = sorted(set(FIELDS) - {"format"})


def document(**changes: Any) -> Secret:
    return Secret(json.dumps(FIELDS | changes))


def refusal(damaged: Secret) -> StoreError:
    with pytest.raises(StoreError, match=r"stored version somewhere is damaged") as refused:
        Version.from_document(damaged, where="somewhere")
    return refused.value


def test_a_version_is_named_by_its_certificates_fingerprint() -> None:
    assert VERSION.fingerprint == VERSION.certificate.fingerprint
    assert VERSION.is_whole
    assert not replace(VERSION, private_key=spare_key(1)).is_whole


def test_a_document_reads_back_as_the_same_version() -> None:
    assert Version.from_document(VERSION.to_document(), where="somewhere") == VERSION


@given(st.datetimes(timezones=st.just(UTC)), st.text(), st.text(), st.text())
def test_a_document_carries_any_text_and_time(moment: datetime, app: str, username: str, url: str) -> None:
    to_the_millisecond = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    version = replace(VERSION, created_at=to_the_millisecond, app=app, username=username, login_url=url)
    written = version.to_document()
    assert written.reveal().isascii()
    assert Version.from_document(written, where="somewhere") == version


def test_the_document_gives_a_consumer_all_that_it_needs() -> None:
    assert set(FIELDS) == {
        "format",
        "credential",
        "org",
        "app",
        "client_id",
        "username",
        "login_url",
        "audience",
        "fingerprint",
        "not_after",
        "created_at",
        "rotation_id",
        "certificate",
        "private_key",
    }
    assert datetime.fromisoformat(FIELDS["not_after"]) == VERSION.certificate.not_after


def test_the_document_is_a_secret() -> None:
    assert str(VERSION.to_document()) == "***"


@pytest.mark.parametrize("name", sorted(set(FIELDS) - {"not_after"}))
def test_a_document_without_one_of_its_members_is_damaged(name: str) -> None:
    refusal(Secret(json.dumps({key: value for key, value in FIELDS.items() if key != name})))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_a_member_of_another_kind_is_damage(name: str, value: object) -> None:
    refusal(document(**{name: value}))


def test_a_document_of_a_later_format_is_refused_with_both_formats() -> None:
    assert "its format is 2, and this release reads 1" in str(refusal(document(format=2)))


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": "0" * 64},
        {"certificate": make_version(key=spare_key(1)).certificate.pem},
        {"private_key": spare_key(1).pem().reveal()},
    ],
)
def test_key_certificate_and_fingerprint_must_belong_together(changes: dict[str, str]) -> None:
    assert "belong together" in str(refusal(document(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate": "none"},
        {"private_key": "none"},
        {"created_at": "2026-01-15T12:00:00"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"created_at": "9999-12-31T23:00:00-14:00"},
        {"username": "\ud800"},
    ],
)
def test_a_member_that_cannot_be_read_is_damage(changes: dict[str, str]) -> None:
    assert "cannot be read" in str(refusal(document(**changes)))


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
@example("[" * 100_000)
@example('{"format": 1}')
@example('"format"')
def test_any_text_that_is_no_document_is_damage(text: str) -> None:
    refusal(Secret(text))


@pytest.mark.parametrize("cut", [40, 400, -3])
def test_an_error_about_a_document_holds_nothing_of_the_key(cut: int) -> None:
    refused = refusal(Secret(VERSION.to_document().reveal()[:cut]))
    told = "".join(traceback.format_exception(refused)) + repr(vars(refused))
    assert not [line for line in FIELDS["private_key"].splitlines() if line in told]
    assert refused.__context__ is None
    assert refused.effect
    assert refused.hint


def test_stages_are_tried_in_the_order_current_pending_previous() -> None:
    for names in product([None, "a", "b"], repeat=3):
        stages = Stages(*(Fingerprint(name) if name else None for name in names))
        held = dict(zip((Stage.PENDING, Stage.CURRENT, Stage.PREVIOUS), names, strict=True))
        order = [stage for stage in (Stage.CURRENT, Stage.PENDING, Stage.PREVIOUS) if held[stage]]
        assert list(stages) == [(stage, held[stage]) for stage in order]
        assert stages.fingerprints == {name for name in names if name}
