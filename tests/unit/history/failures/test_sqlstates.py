from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import lookup
from sqlalchemy.exc import OperationalError

from rotator.errors import HistoryError, HistoryUnavailable
from rotator.history.failures.failures import database_failures

NAME = "postgresql+psycopg://rotator@db.example/rotator"
REFUSED = 'connection failed: connection to server at "10.0.0.7", port 5432 failed: '


def said_of(error: psycopg.Error) -> HistoryError:
    """What is said of it, whether SQLAlchemy has wrapped it or not."""
    wrapped = OperationalError("SELECT %s", ("s3cret",), error)
    with pytest.raises(HistoryError) as caught, database_failures(NAME):
        raise wrapped
    assert NAME in caught.value.message
    assert "s3cret" not in str(caught.value)
    assert caught.value.effect
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("08006", HistoryUnavailable, "broke the connection off"),
        ("25006", HistoryError, "it is read-only"),
        ("25P03", HistoryUnavailable, "ended a transaction that stood still"),
        ("3F000", HistoryError, "has no schema"),
        ("40001", HistoryUnavailable, "put off what two asked at once"),
        ("40P01", HistoryUnavailable, "put off what two asked at once"),
        ("42501", HistoryError, "does not permit this role"),
        ("53100", HistoryUnavailable, "the server's disk is full"),
        ("53200", HistoryUnavailable, "lacks memory"),
        ("53300", HistoryUnavailable, "has no connection free"),
        ("55P03", HistoryUnavailable, "held by another program"),
        ("57014", HistoryUnavailable, "did not answer in time"),
        ("57P01", HistoryUnavailable, "stopped or restarted"),
        ("57P03", HistoryUnavailable, "stopped or restarted"),
        ("58030", HistoryUnavailable, "an error of its disk"),
        ("XX001", HistoryError, "is damaged"),
        ("42703", HistoryError, "refused what rotator asked: 42703"),
    ],
)
def test_what_a_server_says_by_its_code_is_said_in_words(state: str, kind: type[HistoryError], words: str) -> None:
    error = said_of(lookup(state)("quoting s3cret"))
    assert type(error) is kind
    assert words in error.message


@pytest.mark.parametrize(
    ("sentence", "kind", "words"),
    [
        (REFUSED + 'FATAL:  password authentication failed for user "r"', HistoryError, "the user or the password"),
        (REFUSED + 'FATAL:  Peer authentication failed for user "r"', HistoryError, "the user or the password"),
        (REFUSED + "fe_sendauth: no password supplied", HistoryError, "asks for a password"),
        (REFUSED + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "r"', HistoryError, "from this machine"),
        (REFUSED + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", SSL off', HistoryError, "from this machine"),
        (REFUSED + 'root certificate file "/x.pem" does not exist', HistoryError, "do not agree on TLS"),
        (REFUSED + 'FATAL:  database "rotator" does not exist', HistoryError, "is not there"),
        (REFUSED + 'FATAL:  role "r" does not exist', HistoryError, "or its role is not"),
        (REFUSED + 'FATAL:  role "r" is not permitted to log in', HistoryError, "does not let this role in"),
        (REFUSED + 'FATAL:  permission denied for database "x"', HistoryError, "does not let this role in"),
        (REFUSED + "FATAL:  sorry, too many clients already", HistoryUnavailable, "no connection free"),
        (
            REFUSED + "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
            HistoryUnavailable,
            "no connection free",
        ),
        (REFUSED + "FATAL:  the database system is starting up", HistoryUnavailable, "stopped or restarted"),
        (REFUSED + "session is read-only", HistoryUnavailable, "has no server just now that can be written"),
        (REFUSED + "server is in hot standby mode", HistoryUnavailable, "has no server just now that can be written"),
        (REFUSED + "FATAL:  unsupported startup parameter: options", HistoryError, "does not let a session be set up"),
        (REFUSED + "server does not support SSL, but SSL was required", HistoryError, "do not agree on TLS"),
        (REFUSED + "SSL error: certificate verify failed", HistoryError, "do not agree on TLS"),
        (
            REFUSED + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
            HistoryUnavailable,
            "cannot be reached: Connection refused.",
        ),
        (REFUSED + "FATAL:  die Verbindung wird abgelehnt", HistoryUnavailable, "cannot be reached: FATAL: die Verb"),
        ("connection timeout expired", HistoryUnavailable, "cannot be reached: connection timeout expired."),
        ("failed to resolve host 'db': [Errno -2] Name or service not known", HistoryUnavailable, "cannot be reached"),
        ("consuming input failed: server closed the connection unexpectedly", HistoryUnavailable, "was lost"),
        ("the connection is closed", HistoryUnavailable, "was lost"),
    ],
)
def test_what_is_said_without_a_session_is_said_in_words(sentence: str, kind: type[HistoryError], words: str) -> None:
    error = said_of(psycopg.OperationalError(sentence))
    assert type(error) is kind
    assert words in error.message
    assert "\n" not in error.message


def test_a_time_out_of_the_driver_is_no_fault() -> None:
    error = said_of(psycopg.errors.ConnectionTimeout("connection timeout expired"))
    assert type(error) is HistoryUnavailable


def test_nobody_says_that_nothing_was_written_when_the_session_ended_at_an_unknown_point() -> None:
    for error in (psycopg.OperationalError("the connection is lost"), lookup("57P01")("terminating connection")):
        assert "may be there or not" in said_of(error).effect


def test_what_the_driver_cannot_write_is_refused() -> None:
    error = said_of(psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"))
    assert type(error) is HistoryError
    assert "refused what rotator asked" in error.message
