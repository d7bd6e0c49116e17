"""Makes the pictures of the worst hour: `python -m tests.pictures.worst_hour` (needs chromium).

The status page over a history in which four rotations did not go well, and what people were told of such.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from rotator.core.attempts import ROTATE, AttemptBackOff, AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import HaltReason
from rotator.core.decision.options import RotationOptions
from rotator.core.decision.policies import Strategy
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.database import open_database
from rotator.history.journal.journal import Journal
from rotator.history.records import NewRotation
from rotator.history.sightings import record_sightings
from rotator.services.alerting.catalog import lost
from rotator.services.alerting.rotation_alerts import halted, refused, reverted
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report
from tests.contract.alerts.grounds import MailGround, SlackGround
from tests.contract.servers.mail import mail_server
from tests.contract.servers.slack import fake_slack
from tests.end_to_end.browser import chromium, look, served
from tests.end_to_end.pictures import packed
from tests.pictures.alerts import IMAGES, Company, drawn, page_of, shoot
from tests.unit.web.scene import DAY, NOW, fingerprint_of, observe, settings_of, sighting

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database

CREDENTIALS: Final[dict[str, dict[str, Any]]] = {
    "billing": {"org": "production", "apps": ["Billing"]},
    "warehouse": {"org": "production", "apps": ["Warehouse_A", "Warehouse_B"]},
    "telephony": {"org": "production", "apps": ["Telephony_A", "Telephony_B"]},
    "reporting": {"org": "production", "apps": ["Reporting"]},
}
SINCE: Final = NOW - timedelta(minutes=19)
UNPROVEN: Final = (
    "Test logins with the new key prove nothing (invalid_app_access: user is not admin approved to access this app); "
    "it stays pending"
)
REFUSED: Final = f"{UNPROVEN}, its certificate is live, so consumers that try `current` only may be refused."
HALTED: Final = f"{UNPROVEN}, `current` is untouched and logs in."
APPROVE: Final = "Assign the user a permission set or profile that the app allows."
_AT_WORK: Final = ExitStack()
"""Holds the lock of the one that runs, for as long as the page is served."""


def worst_hour(database: Database) -> Settings:
    """One credential refuses its consumers, one has halted, one runs, one was interrupted."""
    held = {name: sighting("production", each["apps"][0], NOW + 12 * DAY) for name, each in CREDENTIALS.items()}
    new = {
        name: sighting("production", each["apps"][-1], NOW + 365 * DAY, fingerprint=fingerprint_of(f"{name} new"))
        for name, each in CREDENTIALS.items()
    }
    in_place = {"billing"}
    record_sightings(database, [new[name] if name in in_place else held[name] for name in held], NOW)
    observe(database, "billing", new["billing"], current=held["billing"], pending=new["billing"])
    for name in ("warehouse", "telephony"):
        observe(database, name, held[name], new[name], pending=new[name])
    observe(database, "reporting", held["reporting"], pending=new["reporting"])
    for name in CREDENTIALS:
        _begun(database, name, held[name].fingerprint, SINCE - timedelta(seconds=40))
    journal = Journal(database)
    upload: dict[str, Any] = {"app": "Billing", "version": new["billing"].fingerprint}
    journal.record("upload_begins", now=SINCE, credential="billing", opens_gap=True, **upload)
    journal.record("upload", now=SINCE, credential="billing", **upload)
    stopped_at = SINCE + timedelta(minutes=15)
    for name, why in (("billing", REFUSED), ("warehouse", HALTED)):
        AttemptRecords(database).put(_attempt(name, stopped_at))
        unproven = {"error": why, "halt": HaltReason.UNPROVEN.value, "hint": APPROVE}
        journal.record("stopped", now=stopped_at, credential=name, **unproven)
    _AT_WORK.enter_context(patch("socket.gethostname", return_value="crm-1"))
    _AT_WORK.enter_context(database.rotation_locks(lambda: NOW - timedelta(minutes=2)).hold("telephony"))
    return settings_of(("production",), CREDENTIALS)


def _begun(database: Database, name: str, replaces: str, at: datetime) -> None:
    strategy = "alternating" if len(CREDENTIALS[name]["apps"]) > 1 else "in_place"
    begun = NewRotation(
        credential=name, org="production", strategy=strategy, trigger="schedule", actor="rotator on crm-1",
        reason="due", replaces=replaces, goal="replace", options=RotationOptions(),
    )  # fmt: skip
    Journal(database).begin_rotation(begun, at)


def told(folder: Path) -> tuple[list[str], str]:
    """The mails and the Slack thread of who is told how these ended, and that a store is gone, as HTML."""
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server("starttls", login=True))
        slack = stack.enter_context(fake_slack(tls=True))
        database = stack.enter_context(open_database(f"sqlite:///{folder}/told.db"))
        database.upgrade()
        (folder / "slack").mkdir()
        channels = {
            "chat": SlackGround(slack, folder / "slack").open(),
            "mail": MailGround(mail, folder).open(to=["salesforce-admins@example.com"]),
        }
        company, stopped_at = Company(database, channels), SINCE + timedelta(minutes=15)
        back = Report(
            "reporting",
            Strategy.IN_PLACE,
            Outcome.REVERTED,
            "Test logins with the new key never held; the old certificate is back, and its key logs in.",
            "Look at the app's policies and at the login history in Setup.",
            old_fingerprint=Fingerprint(fingerprint_of("reporting")),
            gap=MeasuredGap(SINCE, stopped_at, stopped_at - SINCE),
        )
        for new in (
            refused(_attempt("billing", stopped_at), "production", SINCE, REFUSED, APPROVE, HaltReason.UNPROVEN),
            halted(_attempt("warehouse", stopped_at), "production", HALTED, APPROVE, HaltReason.UNPROVEN),
            reverted(replace(_attempt("reporting", stopped_at), needs_attention=True), "production", back),
            lost("telephony", "production", "keys", SINCE - DAY),
        ):
            company.alerting.problem(new, stopped_at)
        company.learns([], stopped_at)
        return [page_of(each) for each in mail.arrived], drawn(slack.posted)


def _attempt(name: str, at: datetime) -> AttemptRecord:
    return AttemptRecord(ROTATE, name).failed(at, AttemptBackOff(), problem=REFUSED, hint=APPROVE, lasting=True)


def main() -> None:
    """Makes all of them."""
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folder = Path(temporary)
        (folder / "page").mkdir()
        with served(worst_hour, folder / "page") as url, browser.new_context(**look(1280, "light")) as context:
            page = context.new_page()
            for name, address, height in (
                ("worst-hour-page", "/", 760),
                ("worst-hour-credentials", "/credentials", 680),
            ):
                page.set_viewport_size({"width": 1280, "height": height})
                page.goto(url + address)
                (IMAGES / f"{name}.png").write_bytes(packed(page.screenshot()))
            _AT_WORK.close()
        mails, slack = told(folder)
        shoot(browser, "worst-hour-mail-refused.png", mails[0])
        shoot(browser, "worst-hour-mail-halted.png", mails[1])
        shoot(browser, "worst-hour-mail-reverted.png", mails[2])
        shoot(browser, "worst-hour-slack.png", slack)


if __name__ == "__main__":
    main()
