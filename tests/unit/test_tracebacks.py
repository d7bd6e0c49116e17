import pytest

import rotator.config.durations
from rotator.testing.versions import spare_key
from rotator.tracebacks import place_of, trace_of, without_secrets


def fault(text: str) -> Exception:
    password = "hunter2"
    try:
        raise RuntimeError(text + password[:0])
    except RuntimeError as error:
        return error


def test_a_trace_shows_the_way_and_no_local_variable() -> None:
    trace = trace_of(fault("it broke"))
    assert "in fault" in trace
    assert trace.startswith("Traceback (most recent call last):\n  File ")
    assert trace.endswith("RuntimeError: it broke")
    assert "hunter2" not in trace.replace('password = "hunter2"', "")


def test_a_trace_holds_no_key_and_no_token() -> None:
    pem = spare_key(0).pem().reveal()
    for secret in (pem, pem[:200], "00D000000000001!AQcAQH0dMHZfz972", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"):
        trace = trace_of(fault(f"cannot use {secret} here"))
        assert "cannot use ***" in trace
        assert secret not in trace


def test_the_place_of_a_fault_is_the_last_line_of_our_own() -> None:
    try:
        rotator.config.durations.parse_duration(None)  # type: ignore[arg-type] # the fault
    except AttributeError as error:
        assert "rotator/config/durations.py:" in place_of(error)  # noqa: PT017 - it is looked at, not expected


def test_of_a_fault_of_others_it_is_their_last_line_and_of_one_never_raised_unknown() -> None:
    assert place_of(fault("it broke")).startswith(f"{__file__}:")
    assert place_of(RuntimeError("never raised")) == "an unknown place"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("POST https://hooks.slack.example/services/T0/B0/abc failed", "POST https://hooks.slack.example/*** failed"),
        ("tgram://123:abc@bot.example/chat", "tgram://bot.example/***"),
        (
            "Max retries exceeded with url: /services/T0/B0/abc (Caused by",
            "Max retries exceeded with url: /*** (Caused by",
        ),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("token xoxb-12-ab-CD", "token ***"),
        ("at https://example.com it is nice", "at https://example.com it is nice"),
    ],
)
def test_what_another_library_says_is_told_without_secrets(said: str, told: str) -> None:
    assert without_secrets(said) == told
