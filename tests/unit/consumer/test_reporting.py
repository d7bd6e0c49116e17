"""A consumer that says what it logged in with: to a folder and to the pages, and no login fails by it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from rotator import consumer
from rotator.consumer.reporting import Reporter, to_pages
from rotator.core.secret import Secret
from rotator.core.usage.told_reports import parsed
from rotator.errors import ConfigurationError, StoreError
from rotator.net.client import Session
from rotator.testing.versions import MOMENT, make_version

if TYPE_CHECKING:
    from pathlib import Path

HOUR: Final = timedelta(hours=1)


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.time = MOMENT

    def __call__(self) -> Any:
        return self.time


def test_it_says_so_once_for_each_version_and_again_after_an_hour() -> None:
    said, clock = list[str](), Clock()

    def leave(consumer: str, line: str) -> None:  # noqa: ARG001 - the other half of a report
        said.append(line)

    reporter = Reporter("batch", leave, clock)
    first, second = make_version("billing", "Billing"), make_version("billing", "Billing")
    for version, wait in ((first, HOUR / 2), (first, HOUR / 2), (first, HOUR / 2), (second, HOUR / 2)):
        reporter.logged_in(version)
        clock.time += wait
    assert [parsed("batch", line).fingerprint for line in said] == [
        first.fingerprint,
        first.fingerprint,
        second.fingerprint,
    ]


def test_what_cannot_be_said_is_a_warning_and_said_at_the_next_login(caplog: pytest.LogCaptureFixture) -> None:
    tries = list[str]()

    def leave(consumer: str, line: str) -> None:  # noqa: ARG001 - the other half of a report
        tries.append(line)
        raise StoreError("The disk is full.")

    reporter = Reporter("batch", leave, Clock())
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            reporter.logged_in(make_version("billing", "Billing"))
    assert len(tries) == 2
    assert "could not say that it has logged in" in caplog.text


def test_a_folder_takes_it(tmp_path: Path) -> None:
    version = make_version("billing", "Billing")
    consumer.reporter("batch", f"files:{tmp_path}", "billing").logged_in(version)
    line = (tmp_path / "billing" / "batch").read_text()
    assert parsed("batch", line).fingerprint == version.fingerprint


@pytest.mark.parametrize(
    ("name", "to", "token"),
    [
        ("batch", "files:", None),
        ("batch", "ftp://example", Secret("x")),
        ("batch", "https://rotator.example", None),
        ("batch", "http://rotator.example", Secret("x")),
        ("../batch", "files:/tmp", None),
    ],
)
def test_what_is_no_place_for_reports_is_refused(name: str, to: str, token: Secret | None) -> None:
    with pytest.raises(ConfigurationError):
        consumer.reporter(name, to, "billing", token=token)


def test_pages_that_cannot_be_reached_fail_no_login(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> object:
        raise OSError("no route")

    monkeypatch.setattr(Session, "post", away)
    leave = to_pages("https://rotator.example", "billing", Secret("token of theirs"))
    Reporter("batch", leave, Clock()).logged_in(make_version("billing", "Billing"))
    assert "rotator.example does not take reports" in caplog.text
    assert "token of theirs" not in caplog.text
