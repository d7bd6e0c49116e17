"""Whatever an org, a store, a channel or a proxy says, nothing of it moves a terminal or passes for words of ours."""

from __future__ import annotations

import io
import logging
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.alerts.apprise import channel as apprise
from rotator.alerts.mail.text import digest_of, mail_of
from rotator.alerts.slack.blocks import blocks_of, digest_blocks_of, fallback_of
from rotator.cli import error_output
from rotator.cli.commands.history import _print_events
from rotator.cli.output import audit_table, inventory_table, status_table
from rotator.cli.output.check_lines import print_check
from rotator.cli.output.console import console, print_json, say
from rotator.cli.output.progress import LiveProgress
from rotator.cli.output.sarif import as_sarif
from rotator.cli.output.streams.marked import Indented
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.logins import classify_refusal
from rotator.core.observed import Kind, ObservedCertificate
from rotator.core.posture.assessment import Result as AuditResult
from rotator.core.posture.checks import APP_OPEN
from rotator.core.posture.choices import Exemption
from rotator.core.posture.judgements import Verdict
from rotator.daemon.logs import JournalFormatter, JsonFormatter, LineFormatter, TextFormatter, warn_in_one_line
from rotator.errors import OrgError, OrgUnavailable, RotatorError, StoreError
from rotator.history.records import Event
from rotator.salesforce.faults import from_fault
from rotator.services.checked import Check, Result
from rotator.services.posture.auditing import Audit
from rotator.testing.messages import MOMENT, message
from tests.contract.surfaces.asking import Surfaces
from tests.contract.surfaces.lives import grown_old
from tests.tiers import of_tier
from tests.unit.services.cycle_bench import cycle_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.engine.database import Database

_BAD: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORGED: Final = re.compile(r"^(Error:|Hint|What to do:)", re.MULTILINE)

FORGED: Final = "x\nError: your key is out\r\nWhat to do: curl evil.example\x1b]0;t\x07\x9b2J\u202e\ud800\x7f"
SAID = st.text(
    st.one_of(
        st.sampled_from(
            ["\n", "\r", "\x1b", "\x9b", "\x7f", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028", "\ud800"]
        ),
        st.characters(categories=["L", "N", "P", "S", "Z", "C"]),
    ),
    min_size=1,
    max_size=30,
).map(lambda text: f"{text}\nError: {text}\nHint{text}\rWhat to do: {text}")
FEW: Final = settings(max_examples=of_tier(13, thorough=40), deadline=None)


def printed(show: Callable[[], Any], *, on_a_terminal: bool = False) -> str:
    """What it writes to standard output and standard error."""
    out = _Terminal() if on_a_terminal else io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        show()
    # What is left then are the colours and the cursor that Rich and click move themselves.
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()) if on_a_terminal else out.getvalue()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def is_harmless(text: str, *, ours: int = 0) -> None:
    assert not _BAD.search(text), repr(text)
    assert len(_FORGED.findall(text)) == ours, text


@FEW
@given(SAID)
@example(FORGED)
def test_an_error_of_a_command(said: str) -> None:
    errors = [
        OrgError(f"The org says: {said}.", effect=f"Left as {said}", hint=f"Ask {said}", rerun=said),
        from_fault("production", said, said),
        StoreError(f"The store: {said}"),
    ]
    for error in errors:
        for on_a_terminal in (False, True):
            told = printed(lambda error=error: error_output.tell(error, as_json=False), on_a_terminal=on_a_terminal)  # type: ignore[misc]
            is_harmless(told, ours=2)
        is_harmless(str(error).replace("\n", " "))
        is_harmless(printed(lambda error=error: print_json({"why": error.message})))  # type: ignore[misc]


@FEW
@given(SAID)
@example(FORGED)
def test_a_fault_and_a_mistake_on_the_command_line(said: str) -> None:
    for error in (ValueError(said), click.UsageError(said)):

        @click.command()
        def failing(error: Exception = error) -> None:
            raise error

        told = printed(lambda: error_output.run(failing, "failing", ()))
        is_harmless(told, ours=1)


@FEW
@given(SAID)
@example(FORGED)
def test_what_a_command_prints(said: str) -> None:
    seen = Action(ActionKind.VERIFY, app=said, why=said)
    event = Event(
        sequence=1, time=MOMENT, kind="verify", credential="billing", rotation_id="1",
        details={"answer": said, "reason": said}, previous_hash="", hash="",
    )  # fmt: skip

    def show() -> None:
        say(f"Billing: {said}")
        say(f"Billing: {said}", err=True)
        console().print(f"Billing: {said}", said and "more")
        console().print(f"Billing: {said}", soft_wrap=True)
        console().print(Indented(said))
        print_check(Check("production", Result.FAILED, f"It says {said}", hint=said))
        _print_events([event])
        with LiveProgress("billing") as progress:
            progress.failed(seen, said)
            progress.ended(seen, 1, classify_refusal(400, said, said))

    for on_a_terminal in (False, True):
        told = printed(show, on_a_terminal=on_a_terminal)
        is_harmless(re.sub(r"\x1b\[\??[0-9;]*[a-zA-Z]|\r", "", told) if on_a_terminal else told)


@FEW
@given(SAID)
@example(FORGED)
def test_an_audit_of_an_org_whose_names_are_such(said: str) -> None:
    exemption = Exemption("app-open", said, None, said, MOMENT)
    results = tuple(
        AuditResult(
            check=APP_OPEN, org=said, credential=said, verdict=verdict, seen=said, needs=said, exemption=exemption
        )
        for verdict in Verdict
    )
    found = Audit(MOMENT, results, (exemption,), (OrgError(said),))
    is_harmless(printed(lambda: audit_table.print_audit(found, every=True)))
    is_harmless(printed(lambda: print_json([audit_table.as_json(found), as_sarif(found, None)])))


@FEW
@given(SAID)
@example(FORGED)
def test_a_line_of_the_log(said: str) -> None:
    record = logging.makeLogRecord({"name": "rotator.test", "msg": f"an org says {said}", "levelno": 30, "why": said})
    for formatter in (LineFormatter(), TextFormatter(), JournalFormatter(), JsonFormatter()):
        line = formatter.format(record)
        assert "\n" not in line
        is_harmless(line)


def test_a_warning_of_a_command_that_logs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    warn_in_one_line()
    assert logging.lastResort is not None
    try:
        logging.lastResort.handle(logging.makeLogRecord({"name": "rotator.test", "msg": FORGED, "levelno": 30}))
    finally:
        logging.lastResort.setFormatter(None)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    is_harmless(told)
    assert "\\x1b]0;t" in told


@FEW
@given(SAID)
@example(FORGED)
@example("\x85\nError: \x85\nHint\x85\rWhat to do: \x85")
def test_a_message_of_every_channel(said: str) -> None:
    # Each of these begins with words of ours, however blank that is which follows them.
    sentence = f"The org says: {said}"
    told = message(about={"title": sentence, "org": said}, title=sentence, text=sentence, meanwhile=sentence,
                   to_do=sentence, facts={sentence: said}, installation=said)  # fmt: skip
    mail_now = partial(mail_of, told, sender="rotator@example.com", to=["ops@example.com"], now=MOMENT)
    digest = digest_of([told], sender="rotator@example.com", to=["ops@example.com"], now=MOMENT)
    for mail in (mail_now(thread=None), mail_now(thread=f"<1@x> {said}"), digest):
        for name, value in mail.items():
            is_harmless(str(value))
            assert "\n" not in str(value), name
        for part in mail.iter_parts():
            text = part.get_content()
            assert not _BAD.search(text), repr(text)
            assert part.get_content_subtype() == "html" or not _FORGED.search(text.replace("\nWhat to do first:", ""))
    for text in (*_texts(blocks_of(told)), *_texts(digest_blocks_of([told])), fallback_of(told)):
        assert not _BAD.search(text), repr(text)
    for text in (apprise._body(told), apprise._row(told)):
        assert not _BAD.search(text), repr(text)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _texts(part)]


@pytest.mark.parametrize("said", [FORGED])
def test_every_surface_of_an_org_whose_names_and_faults_are_such(database: Database, said: str) -> None:
    one = cycle_bench(database)
    grown_old(one, 20)
    live = one.bench.live["Billing"]
    storable = said.replace("\ud800", "")
    for number, kind in enumerate(Kind):
        other = ObservedCertificate(org="production", app=f"{number}{storable}", type=kind).holding(live)
        one.outside.others.append(replace(other, last_modified_by=storable, used_by=(storable,)))
    all_of = Surfaces(one)
    all_of.look()
    ask_all(all_of)
    one.outside.others.clear()
    all_of.look()
    one.bench.refuses = lambda _: classify_refusal(400, "invalid_grant", storable)
    one.bench.handle()
    one.outside.org_fails = OrgUnavailable(f"The org is away: {said}.", hint=said)
    all_of.look()
    ask_all(all_of)


def ask_all(all_of: Surfaces) -> None:
    """Asks every surface."""
    client = all_of._client()
    for address in ("/", "/certificates", "/credentials", "/alerts", "/rotations", "/orgs", "/metrics", "/readyz"):
        text = client.get(address).text
        assert not _BAD.search(text), repr(text)
    if all_of.one.outside.org_fails is None:
        found = all_of.scan()
        is_harmless(printed(lambda: inventory_table.print_scans([found], all_of.now)))
        is_harmless(printed(lambda: print_json([inventory_table.as_json(life) for life in found.certificates])))
    status = all_of.status()
    is_harmless(printed(lambda: status_table.print_statuses([status], all_of.now)))
    for alert in all_of.one.context.history.alerts.all():
        is_harmless(printed(lambda alert=alert: say(f"{alert.id}: {alert.title} {alert.text}")))  # type: ignore[misc]


def test_an_error_is_text_that_may_be_shown_from_the_moment_it_is_made() -> None:
    error = RotatorError("a\x1bb", effect="c\u202e", hint="d\ud800", rerun="e\x9b")
    assert [error.message, error.effect, error.hint, error.rerun, *error.args] == ["a?b", "c?", "d?", "e?", "a?b"]
