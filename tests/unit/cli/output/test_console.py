from datetime import UTC, datetime, timedelta

import pytest

from rotator.cli.output.console import away, day, moment, print_json, short, state
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.services.checked import Result

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_a_moment_is_in_utc_and_how_far_away() -> None:
    assert moment(NOW + timedelta(days=12), NOW) == "2026-12-05 10:00 UTC (in 12 days)"
    assert (day(NOW + timedelta(days=12)), away(NOW + timedelta(days=12), NOW)) == ("2026-12-05", "in 12 days")
    assert moment(None, NOW) == day(None) == away(None, NOW) == "-"


def test_what_ends_in_the_year_9999_ends_never() -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert away(never, NOW) == day(never) == "never"


def test_a_state_has_a_sign_besides_its_colour() -> None:
    words = [*CertificateState, *CredentialState, *Result, "rotated", "reverted", "halted", "interrupted", "nothing"]
    for word in words:
        sign, said = state(word).split(" ", 1)
        assert sign
        assert said == word
    assert state("ok") != state("failed").replace("failed", "ok")


def test_a_fingerprint_is_shown_by_its_beginning() -> None:
    assert short("ab" * 32) == "abababababab"
    assert short(None) == "-"


def test_json_has_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"at": NOW})
    assert '"2026-11-23T10:00:00Z"' in capsys.readouterr().out


def test_json_holds_nothing_that_was_not_meant_to_be_in_it() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        print_json({"key": object()})
