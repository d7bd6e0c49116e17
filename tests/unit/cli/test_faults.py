import rotator.config.durations
from rotator.cli.faults import place_of, trace_of
from rotator.testing.versions import spare_key


def fault(text: str) -> Exception:
    password = "hunter2"
    try:
        raise RuntimeError(text + password[:0])
    except RuntimeError as error:
        return error


def test_a_trace_shows_the_way_and_no_local_variable() -> None:
    trace = trace_of(fault("it broke"))
    assert "in fault" in trace
    assert "RuntimeError: it broke" in trace
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
