"""Makes the pictures of docs/alerts.md: `python -m tests.pictures.alerts` (needs chromium).

The mails are what a real SMTP server received, shown by a browser. The Slack thread is drawn from the blocks that a
server which checks them as Slack does has received; Slack's own programs draw them somewhat differently.
"""

from __future__ import annotations

import html
import re
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from rotator.config.settings import Settings
from rotator.core.attempts import ROTATE, AttemptRecord
from rotator.core.credentials import Fingerprint
from rotator.core.decision.policies import Strategy
from rotator.core.observed import ObservedCertificate
from rotator.history.alerts.alerts import AlertRecords
from rotator.history.alerts.outbox import Outbox
from rotator.history.attempt_records import AttemptRecords
from rotator.history.engine.database import open_database
from rotator.services.alerting import rotation_alerts
from rotator.services.alerting.delivery import Delivery
from rotator.services.alerting.kinds import ROTATED, rotation_trouble
from rotator.services.alerting.messages import Origin
from rotator.services.alerting.rules import AlertRules
from rotator.services.inventory.ownership import certificates_known
from rotator.services.rotation.gap import MeasuredGap
from rotator.services.rotation.report import Outcome, Report
from tests.contract.alerts.grounds import MailGround, SlackGround
from tests.contract.servers.mail import mail_server
from tests.contract.servers.slack import fake_slack

if TYPE_CHECKING:
    from email.message import EmailMessage

    from playwright.sync_api import Browser

    from rotator.alerts.base import Channel
    from rotator.core.alert import NewAlert
    from rotator.history.engine.database import Database
    from tests.contract.servers.slack import Posted

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
CHROMIUM: Final = "/usr/bin/chromium"
START: Final = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
_WIDE: Final = 720
_SCALE: Final = 1.0

_ORG = {
    "login_url": "https://example.my.salesforce.com",
    "login": {"client_id": "key", "username": "rotator@example.com", "private_key": {"env": "KEY"}},
}
_CHANNEL = {"type": "apprise", "url": {"env": "URL"}}
SETTINGS: Final = Settings.model_validate(
    {
        "database": "sqlite:///rotator.db",
        "orgs": {"production": _ORG, "uat": _ORG},
        "alerts": {"channels": {"chat": _CHANNEL, "mail": _CHANNEL}},
    }
)

ORIGIN: Final = Origin("production, Berlin", "https://rotator.example.com", "https://wiki.example.com/rotator/{kind}")


class Company:
    """Who is told of what, as in a company with one Slack channel and one mailing list."""

    def __init__(self, database: Database, channels: dict[str, Channel]) -> None:
        self.channels: Final = channels
        self._database: Final = database
        self.alerting: Final = AlertRules(SETTINGS, database)
        self.delivery: Final = Delivery(
            outbox=Outbox(database),
            alerts=AlertRecords(database),
            attempts=AttemptRecords(database),
            alerting=self.alerting,
            origin=ORIGIN,
        )

    def learns(self, what: list[ObservedCertificate] | NewAlert, now: datetime) -> None:
        """An org is looked at, or something becomes of a trouble, and whoever is to be told is told."""
        if isinstance(what, list):
            self.alerting.certificates(certificates_known(SETTINGS, self._database, now).lives(what), now)
        elif what.kind == ROTATED:
            self.alerting.mended([rotation_trouble("billing")], what, now)
        else:
            self.alerting.problem(what, now)
        for name, channel in self.channels.items():
            self.delivery.deliver(name, lambda channel=channel: channel, now)  # type: ignore[misc]


def place(
    app: str, days: float, *, org: str = "production", type_: str = "ConnectedApp", number: int = 0
) -> ObservedCertificate:
    """A certificate with so many days left at the start."""
    fingerprint = f"{number:02x}c73b9e51d04f8a" * 4
    return ObservedCertificate(
        org=org, type=type_, app=app, fingerprint=fingerprint, not_after=START + timedelta(days=days)
    )


Learnt = list[tuple[float, "list[ObservedCertificate] | NewAlert"]]
"""What, and so many days after the start."""


def told(folder: Path, learnt: Learnt) -> tuple[list[EmailMessage], list[Posted]]:
    """What arrived after all this was learnt, each so many days after the start."""
    folder.mkdir()
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server("starttls", login=True))
        slack = stack.enter_context(fake_slack(tls=True))
        database = stack.enter_context(open_database(f"sqlite:///{folder}/rotator.db"))
        database.upgrade()
        (folder / "slack").mkdir()
        channels = {
            "chat": SlackGround(slack, folder / "slack").open(),
            "mail": MailGround(mail, folder).open(to=["salesforce-admins@example.com"]),
        }
        company = Company(database, channels)
        for days, what in learnt:
            company.learns(what, START + timedelta(days=days))
        if slack.refused:
            raise SystemExit(f"Slack would refuse: {slack.refused}")
        return mail.arrived, slack.posted


def page_of(mail: EmailMessage) -> str:
    """The HTML of a mail, below the headers that people see."""
    body = mail.get_body(("html",))
    if body is None:
        raise SystemExit("The mail has no HTML.")
    head = "".join(f"<div><b>{name}:</b> {html.escape(str(mail[name]))}</div>" for name in ("From", "To", "Subject"))
    style = "max-width:640px;margin:0 auto 14px;font:13px/1.6 Arial,sans-serif;opacity:.8"
    text: str = body.get_content()
    return text.replace("<body>", f'<body><div style="{style}">{head}</div>')


def drawn(posted: list[Posted]) -> str:
    """A thread of Slack, drawn from its blocks."""
    rows = "".join(_message(each) for each in posted)
    return f"<!doctype html><meta charset=utf-8><style>{_SLACK_STYLE}</style><div class=thread>{rows}</div>"


def _message(posted: Posted) -> str:
    kind = "reply" if posted.thread_ts else "first"
    edited = " <span class=when>(edited)</span>" if posted.updates else ""
    name = f"<b>rotator</b> <span class=app>APP</span>{edited}"
    blocks = "".join(_block(block) for block in posted.content["blocks"])
    return f"<div class='message {kind}'><div class=face>r</div><div class=body>{name}{blocks}</div></div>"


def _block(block: dict[str, Any]) -> str:
    kind = block["type"]
    if kind == "header":
        return f"<h2>{_emoji(html.escape(block['text']['text']))}</h2>"
    if kind == "context":
        return f"<p class=context>{' '.join(_mrkdwn(element['text']) for element in block['elements'])}</p>"
    if kind == "actions":
        return f"<p>{''.join(_button(button) for button in block['elements'])}</p>"
    if "accessory" in block:
        return f"<div class=row><p>{_mrkdwn(block['text']['text'])}</p>{_button(block['accessory'])}</div>"
    if "fields" in block:
        return (
            "<div class=fields>" + "".join(f"<p>{_mrkdwn(field['text'])}</p>" for field in block["fields"]) + "</div>"
        )
    return f"<p>{_mrkdwn(block['text']['text'])}</p>"


def _button(button: dict[str, Any]) -> str:
    return f"<a class=button>{html.escape(button['text']['text'])}</a>"


def _mrkdwn(text: str) -> str:
    # It has no < and > of its own, and stands for them as HTML does.
    bold = re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", text)
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", bold).replace("\n", "<br>")


def _emoji(text: str) -> str:
    """Slack has pictures of its own for them; here a circle in the same colour."""
    sign, _, rest = text.partition(" ")
    return f"<i style='background:{_COLOURS[sign]}'></i>{rest}"


_COLOURS: Final = {"🔵": "#2f7de1", "🟠": "#f0882d", "🔴": "#dd2e44", "✅": "#3fa652"}
_SLACK_STYLE: Final = """
body { margin: 0; background: #fff; color: #1d1c1d; font: 15px/1.46 Lato, "Helvetica Neue", Arial, sans-serif; }
.thread { padding: 16px 20px 8px; }
.message { display: flex; gap: 10px; padding: 6px 0 14px; }
.reply { margin-left: 46px; }
.face { flex: none; width: 36px; height: 36px; border-radius: 8px; background: #2f6fde; color: #fff; font-weight: 700;
        font-size: 20px; text-align: center; line-height: 34px; }
.body { min-width: 0; }
.app { font-size: 10px; background: #e8e8e8; color: #616061; padding: 1px 4px; border-radius: 3px; }
.when, .context { font-size: 12px; color: #616061; }
h2 { font-size: 17px; margin: 2px 0 4px; }
i { display: inline-block; width: 14px; height: 14px; border-radius: 50%; margin-right: 7px; }
p { margin: 4px 0; overflow-wrap: anywhere; }
.row { display: flex; justify-content: space-between; align-items: center; gap: 12px; }
.button { display: inline-block; border: 1px solid #bbb; border-radius: 4px; padding: 2px 12px; margin: 4px 8px 2px 0;
          font-size: 13px; font-weight: 700; white-space: nowrap; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 24px; margin: 6px 0; }
code { font: 12px/1.5 Menlo, Consolas, monospace; color: #b0142f; background: #f6f6f6; border: 1px solid #ddd;
       border-radius: 3px; padding: 1px 4px; }
"""


def shoot(browser: Browser, name: str, page_html: str, *, scheme: str = "light", width: int = _WIDE) -> None:
    """A picture of a page, as high as it is."""
    page = browser.new_page(
        viewport={"width": width, "height": 100},
        device_scale_factor=_SCALE,
        color_scheme=scheme,  # type: ignore[arg-type] # light or dark
    )
    page.set_content(page_html)
    page.screenshot(path=IMAGES / name, full_page=True)
    page.close()


def hour() -> Learnt:
    """A rotation that stops while consumers are refused, and how that goes on."""
    minute = 1 / 1440
    problem, hint = "Test logins with the new key prove nothing (user is locked).", "Unlock the user in Setup."
    attempt = AttemptRecord(ROTATE, "billing", next_at=START + timedelta(minutes=8))
    refused = rotation_alerts.refused(attempt, "production", START - timedelta(minutes=3), problem, hint)
    done = Report(
        "billing",
        Strategy.IN_PLACE,
        Outcome.ROTATED,
        "",
        rotation_id="1",
        old_fingerprint=Fingerprint("1a2b3c4d" * 8),
        new_fingerprint=Fingerprint("5e6f7a8b" * 8),
        gap=MeasuredGap(START - timedelta(minutes=3), START, timedelta(minutes=11)),
    )
    return [(0.0, refused), (9 * minute, rotation_alerts.rotated(done, "production"))]


def main() -> None:
    """Makes all of them."""
    billing = place("Billing", 13.6, number=1)
    renewed = place("Billing", 370, number=2)
    many = [
        place("Payroll", -0.2, number=3),
        place("Warehouse_Sync", 0.7, number=4),
        place("idp_signing", 2.5, type_="SamlSsoConfig", number=5),
        place("Marketing", 6.4, org="uat", number=6),
        place("Portal", 13.2, number=7),
    ]
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        later: Learnt = [(0.0, [billing]), (7.0, [billing]), (12.2, [renewed])]
        mails, posted = told(folder / "one", later)
        _, posted_so_far = told(folder / "so far", later[:2])
        digests, _ = told(folder / "many", [(0.0, many)])
        refused_mails, refused_posts = told(folder / "refused", hour()[:1])
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-lcd-text"])
        shoot(browser, "alert-mail.png", page_of(mails[0]))
        shoot(browser, "alert-mail-dark.png", page_of(mails[1]), scheme="dark")
        shoot(browser, "alert-digest.png", page_of(digests[0]), width=620)
        shoot(browser, "alert-slack.png", drawn(posted_so_far))
        shoot(browser, "alert-slack-settled.png", drawn(posted))
        shoot(browser, "alert-refused-mail.png", page_of(refused_mails[0]))
        shoot(browser, "alert-refused-slack.png", drawn(refused_posts))
        browser.close()


if __name__ == "__main__":
    main()
