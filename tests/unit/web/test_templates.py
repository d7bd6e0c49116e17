"""What the pages alone write: what is left of a certificate, whole fingerprints, details, sentences."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import Mock

from jinja2 import Environment

from rotator.web import templates
from tests.tiers import longer
from tests.unit.web.scene import FOREVER, NOW

if TYPE_CHECKING:
    import pytest

    from tests.unit.web.client import Client


def test_what_is_left_of_a_certificate() -> None:
    assert templates.left(NOW + timedelta(days=3), NOW) == "3 days"
    assert templates.left(NOW - timedelta(days=3), NOW) == "3 days ago"
    assert templates.left(FOREVER, NOW) == "never"


def test_a_time_for_machines_is_utc_whatever_its_zone() -> None:
    assert templates.iso(datetime.fromisoformat("2026-11-23T14:31:47+02:00")) == "2026-11-23T12:31:47Z"
    assert templates.iso(FOREVER).startswith("9999")


def test_fingerprints_are_shortened_in_details_and_nothing_else_is() -> None:
    assert templates.detail("ab" * 32) == "ab" * 6
    assert templates.detail("it has its turn") == "it has its turn"
    assert [templates.detail(each) for each in (3, 4.451546, True)] == ["3", "4.5", "yes"]
    assert templates.spaced("ab" * 32) == " ".join(["abababab"] * 8)


def test_what_stands_between_backticks_is_code_and_everything_is_escaped() -> None:
    assert templates.prose("Run `rotate <now>` & wait.") == "Run <code>rotate &lt;now&gt;</code> &amp; wait."
    assert templates.prose("one ` alone") == "one ` alone"


@longer
def test_who_looks_first_waits_for_no_template_where_the_server_was_prepared(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates._environment.cache_clear()
    templates.compile_first_page()
    with monkeypatch.context() as patch:
        patch.setattr(Environment, "compile", Mock(side_effect=AssertionError("the page has waited for this")))
        assert company.get("/").status == 200
