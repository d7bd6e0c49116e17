from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import yaml

from rotator.application import Application
from rotator.config.loading import load
from rotator.core.credentials import Fingerprint
from rotator.core.crypto.certificates import Certificate
from rotator.errors import ConfigurationError, RotationRunning, RotatorError, StoreError
from rotator.program import utc_now
from rotator.salesforce.budget import LimitReached
from rotator.services.inventory.shared_looks import SharedLooks
from rotator.services.schedule.memory.notes import OwnNotes, SharedNotes
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.session_proof import prove_alive
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.config.settings import Settings
    from rotator.simulator.serving.server import SimulatorServer


@longer
def test_the_program_is_wired_as_the_configuration_says(config: Path, simulator: SimulatorServer) -> None:
    with Application.configured(config, {}) as app:
        certificate = simulator.org("production").app("Billing").live_certificate
        assert isinstance(certificate, Certificate)
        assert app.config == config
        assert app.org_session("production").instance_url == simulator.org("production").url
        read = app.apps("production").read("Billing")
        assert read
        assert read.certificate == certificate
        assert app.store("keys").stages("billing").current == certificate.fingerprint
        assert app.database.version
        assert app.journal.last_promotion("billing") is None


def test_what_was_made_once_is_kept(config: Path) -> None:
    with Application.configured(config, {}) as app:
        assert app.org_session("production") is app.org_session("production")
        assert app.store("keys") is app.store("keys")
        assert app.database is app.database


def test_two_programs_with_one_history_exclude_each_other(config: Path) -> None:
    with Application.configured(config, {}) as one, Application.configured(config, {}) as other:
        with one.locks.hold("billing"), pytest.raises(RotationRunning), other.locks.hold("billing"):
            pytest.fail("both hold it")
        with other.locks.hold("billing"):
            assert one.database.name == other.database.name


def test_the_configuration_may_be_named_by_the_environment(config: Path) -> None:
    assert Application.configured(None, {"ROTATOR_CONFIG": str(config)}).config == config


@pytest.mark.parametrize("kind", ["credential", "org", "store"])
def test_a_name_that_is_not_configured_is_refused(config: Path, kind: str) -> None:
    with Application.configured(config, {}) as app, pytest.raises(ConfigurationError, match=f"no {kind} called 'nope'"):
        getattr(app, kind)("nope")


def test_an_org_that_is_logged_in_to_by_a_credential_needs_its_version(config: Path) -> None:
    text = config.read_text()
    start, end = text.index("    login:"), text.index("  sandbox:")
    config.write_text(text[:start] + "    login: {credential: onboarding}\n" + text[end:])
    with Application.configured(config, {}) as app, pytest.raises(StoreError, match="no current version"):
        app.org_session("production")


def test_the_clock_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC
    assert abs((utc_now() - datetime.now(UTC)).total_seconds()) < 5


def test_a_fork_has_sessions_of_its_own_and_shares_history_and_count(config: Path) -> None:
    with Application.configured(config, {}) as app:
        with app.fork() as fork:
            assert fork.org_session("production") is not app.org_session("production")
            assert fork.database is app.database
            assert fork.store("keys") is not app.store("keys")
            prove_alive(fork.org_session("production"))
        assert app.database.version, "what is shared is not closed with it"
        assert app.budgets["production"] is fork.budgets["production"]


def test_forks_share_the_session_of_an_org(config: Path, simulator: SimulatorServer) -> None:
    with Application.configured(config, {}) as app:
        before = len(simulator.org("production").logins)
        for _ in range(3):
            with app.fork() as fork:
                prove_alive(fork.org_session("production"))
        assert len(simulator.org("production").logins) == before + 1


def test_a_limited_fork_stops_at_the_limits_of_an_org_and_another_goes_on(config: Path) -> None:
    text = config.read_text().replace("production:\n", "production:\n    limits: {calls_per_hour: 2}\n", 1)
    config.write_text(text)
    with Application.configured(config, {}) as app:
        with app.fork() as fork:
            prove_alive(fork.org_session("production"))
        assert app.room_at("production") is not None
        assert app.room_at("sandbox") is None
        with app.fork(limited=True) as fork, pytest.raises(LimitReached):
            fork.inventory("production")
        with app.fork() as fork:
            assert fork.inventory("production").entries


def _read_again(config: Path, old: str, new: str) -> Settings:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    return load(config)


@longer
@pytest.mark.parametrize(
    ("old", "new", "logins"),
    [
        ("production:\n", "production:\n    read_timeout: 20s\n", 1),
        ("production:\n", "production:\n    limits: {logins_per_hour: 50}\n", 1),
        ("sandbox:\n", "sandbox:\n    read_timeout: 20s\n", 0),
        ("username: legacy", "username: another", 1),
        ("first_rotations_after: 0s", "first_rotations_after: 1s", 0),
    ],
    ids=["another bound", "another limit", "another org", "another credential", "another section"],
)
def test_a_configuration_that_is_read_again_costs_a_login_to_the_orgs_that_it_has_changed(
    config: Path, simulator: SimulatorServer, old: str, new: str, logins: int
) -> None:
    org = simulator.org("production")
    with Application.configured(config, {}) as app:
        prove_alive(app.org_session("production"))
        database, before = app.database, len(org.logins)
        for settings in (_read_again(config, old, new), load(config)):
            app = app.fork(settings=settings)  # noqa: PLW2901 - as a service does it, each from the one before
            with app.fork() as job:
                prove_alive(job.org_session("production"))
            assert app.database is database
        assert len(org.logins) == before + logins


def test_a_configuration_that_is_read_again_gives_no_org_a_new_hour_of_calls(config: Path) -> None:
    settings = _read_again(config, "production:\n", "production:\n    limits: {calls_per_hour: 2}\n")
    with Application(settings, environ={}, config=config) as app:
        prove_alive(app.org_session("production"))
        again = app.fork(settings=_read_again(config, "production:\n", "production:\n    read_timeout: 20s\n"))
        assert again.room_at("production") == app.room_at("production") is not None
        with again.fork(limited=True) as job, pytest.raises(LimitReached):
            job.inventory("production")
        more = again.fork(settings=_read_again(config, "calls_per_hour: 2", "calls_per_hour: 3"))
        assert more.room_at("production") is None


@longer
def test_a_configuration_that_is_read_again_has_all_read_of_the_orgs_that_it_has_changed(
    config: Path, simulator: SimulatorServer
) -> None:
    def calls(app: Application) -> Counter[str]:
        simulator.org("production").calls.clear()
        with app.fork() as job:
            assert job.inventory("production", last_seen=lambda _org: entries).entries
        return Counter(simulator.org("production").calls)

    with Application.configured(config, {}) as app:
        entries = app.inventory("production").entries
        app.read_all_of("production")
        first = calls(app)
        alike = app.fork(settings=load(config))
        assert calls(alike) == calls(app) != first
        changed = alike.fork(settings=_read_again(config, "production:\n", "production:\n    read_timeout: 20s\n"))
        assert calls(changed) == first


def test_an_error_names_the_org_or_the_store_that_it_is_about(config: Path, simulator: SimulatorServer) -> None:
    simulator.org("production").faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion"))
    calls: dict[str, Callable[[Application], object]] = {
        "production": lambda app: app.inventory("production"),
        "production again": lambda app: app.apps("production").read("Billing"),
        "production's session": lambda app: app.org_session("production").instance_url,
        "keys": lambda app: app.store("keys").read("billing", Fingerprint("0" * 64)),
    }
    for what, call in calls.items():
        with Application.configured(config, {}) as app, pytest.raises(RotatorError) as raised:
            call(app)
        expected = (None, "keys") if what == "keys" else ("production", None)
        assert (raised.value.org, raised.value.store) == expected, what


def test_one_of_many_keeps_in_the_history_what_jobs_leave_for_each_other_and_so_do_its_forks(config: Path) -> None:
    with Application.configured(config, {}) as app:
        assert isinstance(app.service_memory().next_dues, OwnNotes)
    with Application.configured(config, {}) as app:
        app.is_one_of_many = True
        for each in (app, app.fork(), app.fork(settings=app.settings.model_copy())):
            assert isinstance(each.service_memory().next_dues, SharedNotes)
            assert isinstance(each.whole_looks._looks, SharedLooks)


def test_nobody_opens_a_history_to_count_calls(config: Path) -> None:
    settings = yaml.safe_load(config.read_text()) | {"database": "postgresql://nobody@127.0.0.1:1/nowhere"}
    config.write_text(yaml.safe_dump(settings))
    with Application.configured(config, {}) as app:
        assert app.room_at("production") is None
        assert (app.jobs, "database" in vars(app)) == (None, False)
        with app.fork() as fork:
            assert fork.room_at("production") is None
            assert (fork.jobs, "database" in vars(fork)) == (None, False)
