from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.application import Application, utc_now
from rotator.core.certificates import Certificate
from rotator.errors import ConfigurationError, RotationRunning, StoreError
from rotator.simulator.server import SimulatorServer


def test_the_program_is_wired_as_the_configuration_says(config: Path, simulator: SimulatorServer) -> None:
    with Application.configured(config, {}) as app:
        certificate = simulator.org("production").app("Billing").live_certificate
        assert isinstance(certificate, Certificate)
        assert app.config == config
        assert app.org_session("production").instance_url == simulator.org("production").url
        read = app.connected_apps("production").read("Billing")
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
