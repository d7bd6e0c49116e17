"""Secrets and private keys print as ***, wherever they are put."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.crypto.keys import PrivateKey
from rotator.core.secret import Secret
from rotator.errors import CertificateError
from rotator.testing.versions import make_version, spare_key

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN = "correct horse battery staple"


@pytest.fixture(params=["secret", "key", "version"])
def guarded(request: pytest.FixtureRequest) -> object:
    return {"secret": Secret(HIDDEN), "key": spare_key(0), "version": make_version(key=spare_key(0))}[request.param]


@pytest.fixture
def telling() -> list[str]:
    """Text that must not be seen."""
    return [HIDDEN, *spare_key(0).pem().reveal().splitlines()]


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        lambda guarded: f"{guarded}",
        lambda guarded: f"{guarded!r:>40}",
        lambda guarded: "%s %r" % (guarded, guarded),  # noqa: UP031 -- one of the ways
        "{0} {0!r}".format,
        lambda guarded: json.dumps({"it": guarded}, default=str),
        lambda guarded: str([guarded, {"it": (guarded,)}]),
        lambda guarded: str(ValueError("it", guarded)),
    ],
)
def test_nothing_shows_what_is_in_it(guarded: object, telling: list[str], show: Callable[[object], str]) -> None:
    shown = show(guarded)
    assert "***" in shown
    assert not [text for text in telling if text in shown]


@pytest.mark.parametrize("spec", [">40", "s", "x", "!!"])
def test_no_format_shows_what_is_in_it(spec: str) -> None:
    for guarded in (Secret(HIDDEN), spare_key(0)):
        assert format(guarded, spec) == "***"


def test_no_log_shows_what_is_in_it(guarded: object, telling: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("rotator").debug("%s, %r", guarded, [guarded])
    assert "***" in caplog.text
    assert not [text for text in telling if text in caplog.text]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(guarded: object, protocol: int) -> None:
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(guarded, protocol)


def test_it_is_not_copied_or_taken_apart(guarded: object) -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(guarded)
    with pytest.raises(TypeError):
        json.dumps(guarded)
    with pytest.raises(TypeError):
        dataclasses.asdict(guarded)  # type: ignore[call-overload] # two of the three are no dataclass at all


def test_it_has_no_dictionary_that_could_be_printed() -> None:
    for guarded in (Secret(HIDDEN), spare_key(0)):
        with pytest.raises(TypeError):
            vars(guarded)


@given(st.text(), st.text())
def test_secrets_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert Secret(one).reveal() == one
    assert (Secret(one) == Secret(other)) == (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


@pytest.mark.parametrize(
    "damage", [lambda pem: pem[:400] + "\ud800" + pem[400:], lambda pem: pem[:400], lambda pem: pem.replace("A", "B")]
)
def test_an_error_about_a_key_holds_nothing_of_it(damage: Callable[[str], str]) -> None:
    lines = spare_key(0).pem().reveal().splitlines()[1:-1]
    with pytest.raises(CertificateError) as refused:
        PrivateKey.from_pem(damage("\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY----- "])))
    told = "".join(traceback.format_exception(refused.value)) + repr(vars(refused.value))
    assert not [line for line in lines if line in told]
    assert not hasattr(refused.value.__context__, "object")
