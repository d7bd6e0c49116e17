"""The pages and metrics show what the last audits found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rotator.config.daemon import HttpSettings
from rotator.core.attempts import AUDIT, AttemptBackOff, AttemptRecord
from rotator.core.posture.assessment import Result
from rotator.core.posture.checks import APP_KIND, APP_OPEN, SECOND_APP, USER_MFA, Check
from rotator.core.posture.choices import Exemption
from rotator.core.posture.judgements import Verdict
from rotator.history.attempt_records import AttemptRecords
from rotator.history.audit_findings import AuditFindings
from rotator.history.journal.journal import Journal
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.tiers import longer
from tests.unit.revoked import revoke
from tests.unit.web import scene
from tests.unit.web.client import Client
from tests.unit.web.test_pages import addresses, page, rows, said

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness

NOW: Final = scene.NOW
DAY: Final = timedelta(days=1)


def result(
    check: Check,
    credential: str | None = "billing",
    verdict: Verdict = Verdict.FINDING,
    *,
    seen: str = "",
    needs: str = "",
) -> Result:
    return Result(check=check, org="production", credential=credential, verdict=verdict, seen=seen, needs=needs)


AUDITED: Final = (
    result(SECOND_APP, seen="Billing is its only app."),
    result(APP_OPEN, seen="Every user of the org may approve <b>Billing</b> for himself."),
    result(APP_KIND, None, seen="Legacy is a Connected App."),
    result(USER_MFA, verdict=Verdict.HIDDEN, needs='the permission "View Setup and Configuration"'),
    replace(
        result(APP_KIND, verdict=Verdict.EXCEPTED, seen="Billing is a Connected App."),
        exemption=Exemption(APP_KIND.name, "billing", None, "until the move", NOW + 9 * DAY),
    ),
)


@pytest.fixture
def database(company_database: Database) -> Database:
    return company_database


@pytest.fixture
def pages(database: Database, alive: Liveness) -> Client:
    settings = scene.company_settings()
    reader = HistoryReader(lambda: settings, database, lambda: NOW)
    return Client(application(reader, HttpSettings(), token=None, alive=lambda: alive))


@pytest.fixture
def audited(pages: Client, database: Database) -> Client:
    AuditFindings(database).put("production", AUDITED, NOW - DAY)
    AttemptRecords(database).put(AttemptRecord(AUDIT, "production").succeeded(NOW - DAY))
    return pages


def every_org_audited(database: Database, at: datetime) -> None:
    for org in scene.company_settings().orgs:
        AttemptRecords(database).put(AttemptRecord(AUDIT, org).succeeded(at))


@longer
def test_an_audit_that_fails_since_weeks_is_not_said_to_find_nothing(pages: Client, database: Database) -> None:
    every_org_audited(database, NOW - DAY)
    good = AttemptRecord(AUDIT, "production").succeeded(NOW - 20 * DAY)
    back_off = AttemptBackOff(first=DAY, ceiling=DAY, attention_after=3)
    AttemptRecords(database).put(good.failed(NOW, back_off, problem="The login is refused.", hint="Unlock the user."))
    audit, org = said(page(pages, "/audit")), said(page(pages, "/orgs/production"))
    assert "The audit found nothing to mend where it could look" in audit
    assert "The oldest of these audits was made 20 days ago." in audit
    told = "Last audited 20 days ago. The last audit failed: The login is refused. Unlock the user."
    assert f"production: {told}" in audit
    assert f"Audit {told} That audit found nothing to mend." in org


def test_an_audit_that_nobody_made_for_days_is_told_of_as_well(pages: Client, database: Database) -> None:
    every_org_audited(database, NOW - 4 * DAY)
    audit = said(page(pages, "/audit"))
    assert "The audit found nothing to mend where it could look" in audit
    assert "Not audited of late" in audit
    assert "production: Last audited 4 days ago." in audit


def test_what_could_not_be_seen_is_not_said_to_be_well(pages: Client, database: Database) -> None:
    every_org_audited(database, NOW - DAY)
    AuditFindings(database).put("production", [AUDITED[3]], NOW - DAY)
    assert said(page(pages, "/audit").find(".//h1")) == "The audit found nothing to mend where it could look"
    assert "That audit found nothing to mend in what it could see." in said(page(pages, "/orgs/production"))
    assert "That audit found nothing to mend." in said(page(pages, "/orgs/uat"))


def test_an_org_that_was_not_audited_yet_says_so(audited: Client) -> None:
    assert "Audit Not audited yet." in said(page(audited, "/orgs/uat"))


def test_before_the_first_audit_nothing_is_said_to_be_well(pages: Client) -> None:
    assert said(page(pages, "/audit").find(".//h1")) == "Nothing was audited yet"
    assert "/audit" in addresses(page(pages, "/"))
    assert "of the audit" not in said(page(pages, "/"))


def test_findings_are_listed_with_why_and_how_to_mend_them(audited: Client) -> None:
    document = page(audited, "/audit")
    assert said(document.find(".//h1")) == "3 findings of the audit"
    told = rows(document, "What the last audits found")
    assert [row[:3] for row in told] == [
        ["high", "app-open", "billing"],
        ["low", "app-kind", "org production"],
        ["low", "second-app", "billing"],
    ]
    assert told[0][3] == "Every user of the org may approve <b>Billing</b> for himself."
    assert told[0][4] == f"{NOW - DAY:%Y-%m-%d}"
    text = said(document)
    assert APP_OPEN.why in text
    assert "Not audited yet: " in text
    assert 'user-mfa of billing: needs the permission "View Setup and Configuration".' in text
    assert rows(document, "What is to be as it is")[0][:3] == ["app-kind", "billing", "until the move"]


def test_the_status_page_and_that_of_the_org_have_the_number_and_the_list(audited: Client) -> None:
    assert "3 findings of the audit: 1 high, 0 medium, 2 low." in said(page(audited, "/"))
    assert len(rows(page(audited, "/orgs/production"), "What the last audit found")) == 3
    assert "the last audit found" not in said(page(audited, "/orgs/uat"))


def test_what_is_well_again_goes(audited: Client, database: Database) -> None:
    AuditFindings(database).put("production", [], NOW)
    assert said(page(audited, "/audit").find(".//h1")) == "The audit found nothing to mend where it could look"
    every_org_audited(database, NOW - DAY)
    assert said(page(audited, "/audit").find(".//h1")) == "The audit found nothing to mend"
    assert "of the audit:" not in said(page(audited, "/"))


def test_what_is_of_a_credential_that_is_not_configured_any_more_is_not_shown(
    audited: Client, database: Database
) -> None:
    AuditFindings(database).put("production", [replace(AUDITED[1], credential="gone")], NOW)
    every_org_audited(database, NOW - DAY)
    assert said(page(audited, "/audit").find(".//h1")) == "The audit found nothing to mend"


def test_what_is_not_asked_of_a_revoked_credential_is_not_shown_until_the_next_audit(
    audited: Client, database: Database
) -> None:
    revoke(Journal(database), NOW)
    [left] = rows(page(audited, "/audit"), "What the last audits found")
    assert left[:3] == ["low", "app-kind", "org production"]


def test_metrics_count_what_was_found(audited: Client) -> None:
    families = text_string_to_metric_families(audited.get("/metrics").text)
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        if family.name.startswith("rotator_audit")
        for sample in family.samples
    }
    assert told == {
        ("rotator_audit_findings", "app-open", "production", "high"): 1,
        ("rotator_audit_findings", "app-kind", "production", "low"): 1,
        ("rotator_audit_findings", "second-app", "production", "low"): 1,
        ("rotator_audit_not_visible", "production"): 1,
        ("rotator_audit_last_good_timestamp_seconds", "production"): (NOW - DAY).timestamp(),
    }
