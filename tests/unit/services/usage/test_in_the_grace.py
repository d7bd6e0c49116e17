"""What follows for a credential in grace of who logs in, and of what its consumers say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.schedule import ALWAYS, Schedule, Standstill, Why
from rotator.core.usage.retirement import Confirmation
from rotator.core.usage.sources import Standing
from rotator.core.usage.told_reports import ToldReport
from rotator.errors import StoreError
from rotator.history.usage.consumer_reports import ConsumerReports
from rotator.services.alerting.kinds import LEFT_BEHIND as KIND
from rotator.services.alerting.kinds import UNMOVED
from rotator.services.inventory.schedules import Schedules
from rotator.services.usage.collected_reports import collect
from rotator.services.usage.going_back import going_back
from rotator.services.usage.graces import has_grace, in_grace
from rotator.services.usage.left_behind import NOTICE, tell
from rotator.services.usage.shown import sources_by_standing, unconfirmed_of, usage_of
from tests.unit.services.usage.promoted import (
    DAY,
    HOUR,
    LEFT_BEHIND,
    MOVED,
    NOW,
    PROMOTED,
    ROTATION,
    SILENT,
    configured,
    reported,
    seen,
    status,
    used,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.core.usage.usage import Usage
    from rotator.history.engine.database import Database
    from rotator.services.inventory.status import CredentialStatus

REVOKED: Final = Revocation(since=NOW, by="alex", reason="stolen", wanted=EVERY_STEP)
PAUSE: Final = Standstill(why=Why.PAUSE, since=PROMOTED, until=None, by="alex", reason="audit")
GOES_BACK: Final = ", on_left_behind: back"


class TestGrace:
    """Whether somebody may log in with the previous version still."""

    @pytest.mark.parametrize(
        ("observed", "life", "has"),
        [
            (seen(), {}, True),
            (seen(previous=None), {}, False),
            (seen(current=None), {}, False),
            (seen(), {"now": PROMOTED + 30 * DAY}, False),
            (seen(), {"revoked": REVOKED}, False),
        ],
    )
    def test_it_has_one_while_its_previous_version_is_kept_for_consumers(
        self, observed: Any, life: dict[str, Any], has: bool
    ) -> None:
        of = status(observed=observed, **life)
        assert (has_grace(of, of.life.now), in_grace(of, of.life.now)) == (has, has)

    def test_that_consumers_have_ended_it_just_now_does_not_hide_who_is_refused(self) -> None:
        options = ", consumers: [web], retire: when_confirmed"
        of = status(options, observed=seen(confirmation=Confirmation(PROMOTED)))
        assert has_grace(of, NOW)

    def test_of_a_client_secret_no_login_history_tells_who_uses_which(self) -> None:
        secret = status(name="secret")
        assert (has_grace(secret, NOW), in_grace(secret, NOW)) == (True, False)

    def test_of_one_that_was_never_seen_nothing_is_known(self) -> None:
        of = status()
        unseen = replace(of, life=replace(of.life, seen=None))
        assert not has_grace(unseen, NOW)
        assert sources_by_standing(unseen) == {}


class TestGoingBack:
    """The previous version is made current again by itself where that was asked for, and where it helps."""

    def goes(
        self,
        observed: Any = None,
        usage: Usage | None = None,
        last: Any = ROTATION,
        schedule: Schedule = ALWAYS,
        options: str = GOES_BACK,
        at: datetime = NOW,
    ) -> Any:
        settings = configured(options).credentials["billing"]
        return going_back(settings, observed or seen(), usage or used(LEFT_BEHIND, MOVED), last, schedule, at)

    def test_for_the_sake_of_consumers_that_are_refused(self) -> None:
        back = self.goes()
        assert back.begins
        assert back.sources == [LEFT_BEHIND]
        assert not self.goes(usage=used(MOVED)).begins

    def test_a_standstill_holds_it_up(self) -> None:
        held = self.goes(schedule=Schedule(standstills=[PAUSE]))
        assert not held.begins
        assert (held.sources, held.held_by) == ([LEFT_BEHIND], (PAUSE,))
        assert self.goes(usage=used(MOVED), schedule=Schedule(standstills=[PAUSE])).held_by == ()

    @pytest.mark.parametrize(
        ("case", "given"),
        [
            ("nobody asked for it", {"options": ""}),
            ("it is another app's", {"observed": seen(previous=version("old", "Other"))}),
            ("there is none", {"observed": seen(previous=None)}),
            ("nothing is current", {"observed": seen(current=None)}),
            ("it was gone back already", {"last": replace(ROTATION, goal="back")}),
            ("the rotation came to nothing", {"last": replace(ROTATION, outcome="reverted")}),
            ("another rotation made what is current", {"last": replace(ROTATION, new_fingerprint="x")}),
            ("its key is in wrong hands", {"last": replace(ROTATION, trigger="compromised")}),
            ("no rotation is known", {"last": None}),
            ("the grace is over", {"at": PROMOTED + 30 * DAY}),
            ("it was seen of an earlier promotion", {"usage": used(LEFT_BEHIND, promoted_at=PROMOTED - DAY)}),
            ("it cannot be seen any more", {"usage": used(LEFT_BEHIND, problem="The org is away.")}),
            ("a change may be on its way still", {"at": PROMOTED}),
        ],
    )
    def test_it_stays_as_it_is_where(self, case: str, given: dict[str, Any]) -> None:
        assert not self.goes(**given).sources, case

    def test_apps_are_one_in_whatever_case(self) -> None:
        assert self.goes(observed=seen(previous=version("old", "BILLING"))).begins

    def test_of_a_client_secret_nothing_is_seen(self) -> None:
        settings = configured().credentials["secret"]
        assert not going_back(settings, seen(), used(LEFT_BEHIND), ROTATION, ALWAYS, NOW).sources


@dataclass
class Told:
    """What people are told (`rotator.services.alerting.rules.AlertRules`)."""

    opened: list[str] = field(default_factory=list)
    alerts: dict[str, NewAlert] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def problem(self, new: NewAlert, now: datetime) -> None:
        assert now
        self.alerts[new.key] = new

    def solved(self, key: str, why: str, now: datetime) -> None:
        assert now
        self.ended[key] = why

    def of(self, *statuses: CredentialStatus, at: datetime = NOW, pause: bool = False) -> list[str]:
        usages = {each.credential: each.history.usage for each in statuses if each.history.usage}
        schedules = Schedules(configured(), [replace(PAUSE, scope="credential billing")] if pause else ())
        return tell(cast("Any", self), statuses, usages, schedules, at, opened=self.opened)


BEHIND, UNTOLD = f"{KIND}:billing", f"{UNMOVED}:billing"
SOON: Final = PROMOTED + 7 * DAY - NOTICE


class TestTold:
    """Who was left behind, and before the end of a grace who has not moved, is told until that is over."""

    def test_who_was_left_behind_is_told_with_what_is_done(self) -> None:
        told = Told()
        assert told.of(status(GOES_BACK, usage=used(LEFT_BEHIND))) == ["billing"]
        alert = told.alerts[BEHIND]
        assert "made current again by itself" in alert.meanwhile
        assert (alert.org, alert.facts["User"]) == ("production", "billing@example.com")
        assert UNTOLD not in told.alerts

    def test_what_holds_it_up_is_told(self) -> None:
        told = Told()
        assert told.of(status(GOES_BACK, usage=used(LEFT_BEHIND)), pause=True) == []
        assert "held up (paused by alex" in told.alerts[BEHIND].meanwhile

    def test_until_when_the_previous_version_is_kept_is_told(self) -> None:
        told = Told()
        assert told.of(status(usage=used(LEFT_BEHIND))) == []
        assert "2026-01-22" in told.alerts[BEHIND].to_do

    def test_it_ends_once_they_have_moved(self) -> None:
        told = Told([BEHIND, UNTOLD])
        assert told.of(status(usage=used(MOVED))) == []
        assert (told.alerts, told.ended) == ({}, {BEHIND: "", UNTOLD: ""})

    def test_nothing_is_written_where_nothing_was_told(self) -> None:
        told = Told()
        told.of(status(usage=used(MOVED)))
        assert (told.alerts, told.ended) == ({}, {})

    @pytest.mark.parametrize(
        ("observed", "why"),
        [(seen(), "The grace of its previous version is over."), (seen(previous=None), "No previous version is kept")],
    )
    def test_both_end_with_the_grace(self, observed: Any, why: str) -> None:
        told, after = Told([BEHIND, UNTOLD]), PROMOTED + 30 * DAY
        assert told.of(status(usage=used(LEFT_BEHIND), observed=observed, now=after), at=after) == []
        assert not told.alerts
        assert [*told.ended] == [BEHIND, UNTOLD]
        assert all(each.startswith(why) for each in told.ended.values())

    @pytest.mark.parametrize(
        "unseen",
        [
            used(LEFT_BEHIND, promoted_at=PROMOTED - DAY),
            used(LEFT_BEHIND, problem="The org is away."),
            used(LEFT_BEHIND, looked_at=None),
        ],
    )
    def test_while_nothing_is_seen_nothing_is_told_nor_ended(self, unseen: Usage) -> None:
        told = Told([BEHIND, UNTOLD])
        for at in (NOW, SOON):
            assert told.of(status(usage=unseen), at=at) == []
        assert (told.alerts, told.ended) == ({}, {})

    def test_one_that_cannot_be_seen_holds_up_no_other(self) -> None:
        of = status()
        unseen = replace(of, credential="unseen", life=replace(of.life, seen=None))
        away = replace(of, credential="away", life=replace(of.life, is_known=False))
        over = replace(of, credential="over", life=replace(of.life, seen=seen(previous=None)))
        told = Told()
        told.of(unseen, away, over, status(usage=used(LEFT_BEHIND)))
        assert [*told.alerts] == [BEHIND]

    def test_who_has_not_moved_is_told_two_days_before_the_end(self) -> None:
        told = Told()
        told.of(status(usage=used(SILENT, MOVED)), at=SOON - HOUR)
        assert told.alerts == {}
        told.of(status(usage=used(SILENT, MOVED)), at=SOON)
        alert = told.alerts[UNTOLD]
        assert [name for name in alert.facts if name.startswith("From")] == ["From 192.0.2.9 (night/3)"]
        assert (alert.org, alert.facts["User"]) == ("production", "billing@example.com")
        assert "2026-01-22" in alert.title

    def test_of_a_shorter_grace_they_are_told_when_half_of_it_is_over(self) -> None:
        told = Told()
        told.of(status(", grace: 1d", usage=used(SILENT)), at=PROMOTED + 11 * HOUR)
        assert told.alerts == {}
        told.of(status(", grace: 1d", usage=used(SILENT)), at=PROMOTED + 12 * HOUR)
        assert UNTOLD in told.alerts

    def test_consumers_that_say_nothing_are_told_of_also_where_logins_cannot_be_seen(self) -> None:
        told = Told()
        told.of(status(", consumers: [batch, web]", reports=(reported("web"),)), at=SOON)
        assert "batch has not said so" in told.alerts[UNTOLD].text
        told = Told([UNTOLD])
        told.of(status(", consumers: [web]", reports=(reported("web"),)), at=SOON)
        assert told.ended == {UNTOLD: ""}

    def test_one_that_consumers_have_ended_is_told_of_no_more(self) -> None:
        told = Told([UNTOLD])
        options = ", consumers: [web], retire: when_confirmed"
        observed = seen(confirmation=Confirmation(PROMOTED))
        told.of(status(options, usage=used(SILENT), reports=(reported("web"),), observed=observed), at=SOON)
        assert (told.alerts, told.ended[UNTOLD]) == ({}, "The grace of its previous version is over.")

    def test_one_that_is_kept_until_they_have_said_so_is_told_of_before_its_usual_end(self) -> None:
        told = Told()
        options = ", consumers: [batch], require_confirmation: true"
        told.of(status(options), at=SOON)
        assert "is kept" in told.alerts[UNTOLD].title


class TestShown:
    """What is shown of those who log in."""

    def test_each_source_is_shown_with_where_it_stands(self) -> None:
        shown = usage_of(status(usage=used(LEFT_BEHIND, MOVED, SILENT)), NOW)
        assert [(each.source, each.standing) for each in shown.sources] == [
            (LEFT_BEHIND, Standing.REFUSED),
            (MOVED, Standing.MOVED),
            (SILENT, Standing.SILENT),
        ]
        assert [each.source for each in shown.left_behind] == [LEFT_BEHIND]
        assert [each.source for each in shown.not_moved] == [LEFT_BEHIND, SILENT]
        assert (shown.is_watched, shown.why_not, shown.hint, shown.is_hidden) == (True, "", "", False)
        assert (shown.looked_at, shown.is_cut) == (NOW, False)

    def test_one_that_is_refused_while_a_change_may_spread_is_not_said_to_be(self) -> None:
        shown = usage_of(status(usage=used(replace(LEFT_BEHIND, refused_at=PROMOTED))), PROMOTED)
        assert [each.standing for each in shown.sources] == [Standing.SILENT]

    @pytest.mark.parametrize(
        ("of", "why", "is_hidden"),
        [
            (lambda: status(name="secret", usage=used(MOVED)), "no login history tells", True),
            (lambda: status(observed=seen(previous=None), usage=used(MOVED)), "No previous version is in grace", False),
            (lambda: status(revoked=REVOKED, usage=used(MOVED)), "revoked", False),
            (status, "was not looked at since", False),
            (lambda: status(usage=used(problem="It is not shown.", hint="Give it.")), "It is not shown.", True),
        ],
    )
    def test_why_nobody_is_shown_is_said(self, of: Callable[[], CredentialStatus], why: str, is_hidden: bool) -> None:
        shown = usage_of(of(), NOW)
        assert why in shown.why_not
        assert (shown.is_hidden, shown.sources) == (is_hidden, ())
        assert shown.hint == ("Give it." if "not shown" in why else "")
        assert shown.is_worth_telling == ("not shown" in why)
        assert (shown.looked_at is not None) == ("not shown" in why)

    def test_that_there_were_too_many_logins_is_said(self) -> None:
        assert usage_of(status(usage=used(MOVED, is_cut=True)), NOW).is_cut

    def test_each_consumer_is_shown_with_what_it_says(self) -> None:
        reports = (reported("web"), reported("batch", "old"), reported("guest"))
        of = status(", consumers: [batch, web, night]", reports=reports)
        shown = usage_of(of, NOW)
        assert [(each.name, each.has_moved, each.is_configured) for each in shown.consumers] == [
            ("batch", False, True),
            ("web", True, True),
            ("night", False, True),
            ("guest", True, False),
        ]
        assert [each.report for each in shown.consumers] == [reports[1], reports[0], None, reports[2]]
        assert shown.is_worth_telling
        assert unconfirmed_of(of) == ["batch", "night"]
        unstored = status(", consumers: [web]", reports=reports, observed=seen(current=None))
        assert unconfirmed_of(unstored) == ["web"]

    def test_monitoring_is_told_how_many_stand_where(self) -> None:
        of = status(usage=used(LEFT_BEHIND, MOVED, SILENT, replace(SILENT, address="192.0.2.10")))
        counts = {Standing.REFUSED: 1, Standing.MOVED: 1, Standing.SILENT: 2, Standing.OLD: 0}
        assert sources_by_standing(of) == counts

    @pytest.mark.parametrize(
        "of",
        [
            status(),
            status(usage=used(MOVED, looked_at=None)),
            status(usage=used(MOVED, problem="It is not shown.")),
            status(usage=used(MOVED, promoted_at=PROMOTED - DAY)),
            status(usage=used(MOVED), observed=seen(previous=None)),
        ],
    )
    def test_monitoring_is_told_of_nobody_where_nobody_can_be_seen(self, of: CredentialStatus) -> None:
        assert sources_by_standing(of) == {}


class TestCollected:
    """What consumers have left beside their credentials is noted."""

    def collected(self, database: Database, store: Callable[[str], Any], *statuses: CredentialStatus) -> list[str]:
        collect(database, store, statuses, NOW)
        return [each.consumer for each in ConsumerReports(database).all().get("billing", ())]

    def keeping(self, asked: list[Sequence[str]] | None = None) -> Callable[[str], Any]:
        def reports(name: str, consumers: Sequence[str]) -> list[ToldReport]:
            (asked if asked is not None else []).append((name, *consumers))
            return [ToldReport("batch", "new", NOW)]

        return lambda name: SimpleNamespace(reports=reports) if name == "keys" else None

    def test_of_those_in_grace_whose_consumers_are_named(self, database: Database) -> None:
        asked: list[Sequence[str]] = []
        named = status(", consumers: [batch, web]")
        over = replace(named, life=replace(named.life, seen=seen(previous=None)))
        assert self.collected(database, self.keeping(asked), over, status(), named) == ["batch"]
        assert asked == [("billing", "batch", "web")]
        [noted] = ConsumerReports(database).all()["billing"]
        assert (noted.credential, noted.fingerprint, noted.logged_in_at) == ("billing", "new", NOW)
        assert (noted.noted_at, noted.via) == (NOW, "store")

    def test_a_store_that_is_away_or_takes_none_holds_up_no_other(
        self, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        named = status(", consumers: [batch]")
        away, takes_none = (replace(named, credential=name) for name in ("away", "none"))
        stores: list[Any] = [None, SimpleNamespace(), self.keeping()("keys")]

        def store(_name: str) -> Any:
            found = stores.pop(0)
            if found is None:
                raise StoreError("The folder is gone.", hint="Mount it.")
            return found

        assert self.collected(database, store, away, takes_none, named) == ["batch"]
        [warned] = [each for each in caplog.records if each.levelname == "WARNING"]
        assert warned.getMessage() == "what consumers say is not read: The folder is gone."
        assert vars(warned)["credential"] == "away"
