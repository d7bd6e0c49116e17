"""The pages say what the history knows, for people, and escape what others wrote."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lxml import html

from rotator.config.daemon import HttpSettings
from rotator.core.attempts import AttemptRecord
from rotator.history.attempt_records import AttemptRecords
from rotator.history.sightings import record_sightings
from rotator.services.reporting.reader import HistoryReader
from rotator.web.routes import application
from tests.tiers import longer
from tests.unit.web import scene
from tests.unit.web.client import Client
from tests.unit.web.test_health import Away

if TYPE_CHECKING:
    from rotator.history.engine.database import Database
    from rotator.web.source import Liveness

PAGES = ["/", "/certificates", "/credentials", "/orgs", "/orgs/production", "/rotations", "/audit", "/alerts"]
MINUTE = timedelta(minutes=1)
LARGEST = 300_000
"""Bytes of a page, before they are compressed."""


def page(client: Client, address: str) -> Any:
    """The page as a document."""
    answer = client.get(address)
    assert answer.status == 200, answer.text
    assert len(answer.content) < LARGEST
    return html.fromstring(answer.content)


def said(document: Any) -> str:
    """What a person reads."""
    return " ".join(document.text_content().split())


def rows(document: Any, caption: str) -> list[list[str]]:
    """The lines of the table whose caption begins so."""
    table = next(each for each in document.iter("table") if said(each.find("caption")).startswith(caption))
    return [[said(cell) for cell in row] for row in table.find("tbody")]


def addresses(document: Any) -> list[str]:
    """Where the page leads to."""
    return [link.get("href") for link in document.iter("a") if not link.get("href").startswith("#")]


@longer
def test_what_needs_attention_comes_first_with_what_to_do(company: Client) -> None:
    document = page(company, "/")
    assert said(document.find(".//h1")) == "4 things need attention"
    titles = [said(head) for head in document.xpath("//*[@class='alerts']//*[@class='head']")]
    assert [title.split()[0] for title in titles] == ["critical", "critical", "warning", "critical"]
    assert "Marketing_Sync in production has expired" in titles[0]
    assert "Approve the app for the user's profile in Setup." in said(document)
    assert [said(each) for each in document.iter("h2")][:2] == ["Needs attention", "What expires when"]


def test_what_is_taken_on_or_only_to_be_known_is_counted_and_not_pressing(company: Client) -> None:
    assert "1 more alert taken on" in said(page(company, "/"))
    assert "Invoice_Archive in emea expires in 11 days for 3 days, taken on by Robin" in said(page(company, "/alerts"))


def test_the_picture_is_a_table_that_says_the_same(company: Client) -> None:
    lines = rows(page(company, "/"), "Every live certificate")
    assert lines[0] == ["expired", "Marketing_Sync production", "", "12 days ago", "2026-11-11", "by nobody"]
    by_name = {line[1].split()[0]: line for line in lines}
    assert by_name["Billing"][3:] == ["201 days", "2027-06-12", "2027-05-13"]
    assert by_name["Telephony"][5] == "due now"
    assert by_name["ADFS"][3:] == ["never", "never", "by nobody"]
    assert "Warehouse_A" not in by_name


def test_what_rests_is_not_drawn_and_the_page_says_so(company: Client) -> None:
    document = page(company, "/")
    assert "21 live certificates in 3 orgs" in said(document)
    assert "1 resting" in said(document.find(".//*[@class='lead']"))
    assert "Not drawn: 1 certificate that rests. Nobody has to care for" in said(document)
    resting = page(company, next(each for each in addresses(document) if "state=resting" in each))
    assert [line[1] for line in rows(resting, "1 certificate")] == ["Warehouse_A production"]


def test_a_count_and_the_certificates_behind_it_leave_out_what_rests(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rotator.web.views.MOST_BARS", 5)
    document = page(company, "/")
    assert "Not drawn: 1 certificate that rests" in said(document)
    links = document.xpath("//table[@class='periods']//td/a")
    assert sum(int(link.text_content()) for link in links) == 20
    for link in links:
        found = page(company, link.get("href"))
        assert said(found.find(".//caption")).startswith(f"{link.text_content()} certificate")


def test_credentials_show_until_when_they_are_good_and_when_they_are_replaced(company: Client) -> None:
    lines = {line[0]: line[1:] for line in rows(page(company, "/"), "What rotator keeps alive")}
    assert lines["warehouse"][:5] == ["production", "ok", "2027-11-16", "2027-10-17", "2026-11-28"]
    # Due since yesterday; its window opens on Saturday.
    assert lines["management"][3] == "2026-11-28 in a window"
    assert lines["telephony"][1] == "due (warning) needs a person"
    assert lines["telephony"][5].startswith("reverted")


def test_orgs_show_when_they_were_last_read(company: Client) -> None:
    lines = {line[0]: line[1:] for line in rows(page(company, "/"), "Orgs and their inventories")}
    assert lines["uat"][:2] == ["unreadable", "3 days ago"]
    assert lines["production"][:4] == ["ok", "20 minutes ago", "10", "10"]
    document = page(company, "/orgs/uat")
    assert "The last 3 inventories failed" in said(document)
    assert "connection refused. Look at the network between" in said(document)


def test_a_rotation_shows_its_steps_and_its_gap(company: Client) -> None:
    newest = next(each for each in addresses(page(company, "/rotations")) if re.match("/rotations/2", each))
    document = page(company, newest)
    assert said(document.find(".//h1")) == "Rotation of telephony"
    assert "reverted The new key never logged in; the old certificate is back and proven." in said(document)
    assert "15m12s" in said(document)
    steps = rows(document, "Every event")
    assert [step[2] for step in steps] == ["begin", "generate", "upload", "finish"]
    assert [step[1] for step in steps] == ["0.0 s", "9.0 s", "18.0 s", "55.0 s"]


def test_rotations_can_be_narrowed_to_one_credential(company: Client) -> None:
    lines = rows(page(company, "/rotations?credential=warehouse"), "Newest first")
    assert {line[1] for line in lines} == {"warehouse"}
    assert len(lines) == 2


def test_a_certificate_shows_where_it_was_and_what_brought_it(company: Client) -> None:
    document = page(company, f"/certificates/{scene.fingerprint_of('billing now')}")
    assert "Live in 1 place." in said(document)
    assert rows(document, "Every app that held it")[0][:3] == ["Billing", "production", "ConnectedApp"]
    assert rows(document, "Those that brought it")[0][1] == "billing"


def test_a_certificate_that_was_replaced_keeps_its_past(database: Database, alive: Liveness) -> None:
    before, after = (scene.sighting("production", "Billing", scene.NOW + days * scene.DAY) for days in (10, 375))
    record_sightings(database, [before], scene.NOW - 3 * scene.DAY)
    record_sightings(database, [after], scene.NOW)
    settings = scene.settings_of()
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    document = page(client, f"/certificates/{before.fingerprint}")
    assert "Live nowhere any more; last seen 3 days ago." in said(document)
    assert "No rotation had to do with it" in said(document)


def test_a_certificate_that_only_a_store_is_known_to_hold_has_a_page(database: Database, alive: Liveness) -> None:
    held, stored = (scene.sighting("production", "Billing", scene.NOW + days * scene.DAY) for days in (10, 375))
    record_sightings(database, [held], scene.NOW)
    scene.observe(database, "billing", held, current=stored)
    settings = scene.settings_of(credentials={"billing": {"org": "production", "apps": ["Billing"]}})
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    link = f"/certificates/{stored.fingerprint}"
    assert link in addresses(page(client, "/credentials"))
    words = said(page(client, link))
    assert "No org has shown it: it is known from the store or from rotations." in words
    assert "In no app: none has shown it." in words


def test_an_alert_shows_who_was_told_of_which_step(company: Client) -> None:
    address = next(
        link.get("href") for link in page(company, "/alerts").iter("a") if "Data_Loader" in link.text_content()
    )
    document = page(company, address)
    told = {(line[0], line[1]): line[3] for line in rows(document, "Each step")}
    facts = {said(term): said(term.getnext()) for term in document.iter("dt")}
    assert (facts["In the org"], facts["App"]) == ("production", "Data_Loader_Nightly")
    assert "Org" not in facts, "nothing is said twice"
    assert told == {("crm-team", "3d"): "2026-11-22 12:00 UTC", ("on-call", "3d"): "not yet"}
    assert f"rotator alerts ack {address.rpartition('/')[2]} --reason TEXT" in said(document)


def test_channels_show_what_they_are_owed(company: Client) -> None:
    lines = {line[0]: line[1:] for line in rows(page(company, "/alerts"), "Who is told")}
    assert lines["on-call"] == ["slack", "warning", "never", "1", "Slack asks to be called later."]


@pytest.mark.parametrize("address", PAGES)
def test_before_the_first_inventory_every_page_says_that_there_is_nothing_yet(empty: Client, address: str) -> None:
    words = said(page(empty, address))
    assert "None" not in words
    assert "Undefined" not in words


def test_before_the_first_look_the_status_page_says_what_comes(empty: Client) -> None:
    words = said(page(empty, "/"))
    assert "Not every org has an inventory yet" in words
    assert "0 live certificates in 1 org; 0 managed credentials." in words
    assert "No certificate has been seen yet." in words
    assert "no inventory yet" in words
    assert "not known not known not known not known" in words, "what was not looked at is not said to be nothing"
    assert "Nothing is open; not every org has an inventory yet." in said(page(empty, "/alerts"))


def test_the_headline_says_when_the_scheduler_stands_still(database: Database, alive: Liveness) -> None:
    still = replace(alive, since_tick=timedelta(hours=1))
    source = HistoryReader(scene.settings_of, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: still))
    assert said(page(client, "/").find(".//h1")) == "The scheduler stands still"


def test_the_headline_is_calm_when_all_is_well(database: Database, alive: Liveness) -> None:
    record_sightings(database, [scene.sighting("production", "Billing", scene.NOW + 300 * scene.DAY)], scene.NOW)
    AttemptRecords(database).put(AttemptRecord("look", "production").succeeded(scene.NOW))
    source = HistoryReader(scene.settings_of, database, lambda: scene.NOW)
    document = page(Client(application(source, HttpSettings(), token=None, alive=lambda: alive)), "/")
    assert said(document.find(".//h1")) == "Nothing needs attention"
    assert "1 live certificate in 1 org; 0 managed credentials." in said(document)


@longer
def test_very_many_alerts_are_counted_and_the_first_are_shown(many: Client) -> None:
    document = page(many, "/")
    assert said(document.find(".//h1")) == "17 things need attention"
    assert len(document.xpath("//*[@class='alerts']/li")) == 5
    assert "12 more that need attention" in said(document)
    assert "500 live certificates in 4 orgs: 6 expired" in said(document)


@longer
def test_very_many_certificates_are_grouped(many: Client) -> None:
    document = page(many, "/")
    assert len(rows(document, "The 12 that expire first")) == 12
    by_org = rows(document, "Certificates by org")
    assert [line[0] for line in by_org] == ["emea", "apac", "production", "latam"]
    assert sum(int(line[-1]) for line in by_org) == 500
    assert len(rows(document, "What rotator keeps alive")) == 12
    assert "All 100 credentials" in said(document)


def test_every_count_leads_to_as_many_certificates(many: Client) -> None:
    document = page(many, "/")
    table = next(each for each in document.iter("table") if each.get("class") == "periods")
    for link in table.xpath("./tbody/tr[1]/td/a"):
        found = page(many, link.get("href"))
        assert said(found.find(".//caption")).startswith(f"{link.text_content()} certificate")


def test_long_lists_come_in_pages(many: Client) -> None:
    first = page(many, "/certificates")
    assert len(rows(first, "500 certificates")) == 100
    assert "1 to 100 of 500" in said(first)
    assert "/certificates?page=2" in [f"/certificates{each}" for each in addresses(first) if each.startswith("?")]
    assert "401 to 500 of 500" in said(page(many, "/certificates?page=77777"))
    assert "101 to 200 of 500" in said(page(many, "/certificates?page=2"))


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("org=emea", 125),
        ("q=INTEGRATION_04", 10),
        ("managed=managed", 100),
        ("managed=unmanaged&org=apac", 100),
        ("state=expired", 6),
        ("within=expired", 6),
        ("q=nothing-like-it", 0),
        ("state=nonsense", 0),
        ("page=-1&page=x", 500),
        ("q=" + scene.sighting("production", "Integration_000", scene.NOW + 24 * scene.DAY).fingerprint[:9], 1),
    ],
)  # fmt: skip
def test_certificates_are_found(many: Client, query: str, count: int) -> None:
    words = said(page(many, f"/certificates?{query}"))
    assert (f"{count} certificate" if count else "No certificate is like this") in words


def test_a_page_of_500_apps_is_made_in_no_time(many: Client) -> None:
    many.get("/")
    begun = time.process_time()
    for _ in range(3):
        many.get("/")
    assert (time.process_time() - begun) / 3 < 0.5


def test_what_others_wrote_is_escaped(database: Database, alive: Liveness) -> None:
    evil = '<script>alert("x")</script>&"\''
    record_sightings(
        database, [scene.sighting("production", evil, scene.NOW + scene.DAY, subject=f"CN={evil}")], scene.NOW
    )
    scene.rotate(database, "billing", at=scene.NOW, old="a" * 64, new="b" * 64, why=evil)
    settings = scene.settings_of()
    source = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    fingerprint = scene.sighting("production", evil, scene.NOW + scene.DAY).fingerprint
    rotation = next(each for each in addresses(page(client, "/rotations")) if re.match("/rotations/2", each))
    for address in ("/", "/certificates", f"/certificates?q={evil}", f"/certificates/{fingerprint}", rotation):
        text = client.get(address).text
        assert "<script" not in text
        assert evil in page(client, address).text_content() or "q=" in address


@pytest.mark.parametrize(
    "address",
    [
        "/nothing",
        "/orgs/nothing",
        "/certificates/" + "0" * 64,
        "/certificates/abc",
        "/rotations/x",
        "/alerts/1",
        "/style.css/../../application.py",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(company: Client, address: str) -> None:
    answer = company.get(address)
    assert answer.status == 404
    assert "To the status page" in answer.text


@pytest.mark.parametrize("address", [*PAGES, "/rotations/x", "/alerts/x"])
def test_a_history_that_is_away_is_told_in_a_sentence_with_what_to_do(alive: Liveness, address: str) -> None:
    answer = Client(application(Away(), HttpSettings(), token=None, alive=lambda: alive)).get(address)
    assert answer.status == 503
    assert "The history database sqlite:///x is held by another program." in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("address", PAGES)
def test_pages_hold_no_script_no_inline_style_and_nothing_from_elsewhere(company: Client, address: str) -> None:
    document = page(company, address)
    assert not list(document.iter("script", "iframe", "object", "embed"))
    for element in document.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            assert name != "style"
            if name in {"href", "src", "action"}:
                assert re.match(r"[/?#](?!/)", value), value


@pytest.mark.parametrize("address", ["/style.css", "/icon.svg"])
def test_styles_and_icon_come_from_here(company: Client, address: str) -> None:
    answer = company.get(address)
    assert answer.status == 200
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_pages_are_compressed_for_who_takes_that(many: Client) -> None:
    assert len(many.get("/certificates", accept_encoding="gzip").content) < 15_000
