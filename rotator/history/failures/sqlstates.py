"""What Postgres says, in the words of a person who must act on it."""

from __future__ import annotations

from typing import Final

from rotator.errors import NOTHING_CHANGED, HistoryError, HistoryUnavailable
from rotator.resources import docs

RERUN: Final = "Run this again."
_ROOM: Final = "Make room on the server's disk."
_SESSIONS: Final = "See `pg_stat_activity` for who has them; raise `max_connections`, or end some."
_WAITING: Final = "See `pg_stat_activity` for who holds it."
_RIGHTS: Final = (
    f"Let the role of `database` own its database, or grant it what {docs('operations')} lists under Postgres."
)
_LOGIN: Final = "Correct the user in `database.url`, or the secret that `database.password` refers to."
_NO_LOGIN: Final = "Set `database: {url: ..., password: {env: NAME}}` in config.yaml."
_LET_IN: Final = "Add a line for the role and this machine to the server's pg_hba.conf."
_CREATE: Final = "Create it (`createdb --owner ROLE DATABASE`), or correct `database` in config.yaml."
_PRIMARY: Final = "Name the primary server in `database`, or add `?target_session_attrs=read-write` to the URL."
_PROMOTED: Final = "Promote one of the servers that the URL of `database` names, or name the one that is the primary."
_BACKUP: Final = "Have the server's administrator look at it, and put a backup in its place."
_SERVER: Final = "Look at the server and the network between."
_NO_POOLER: Final = f"Name the server itself in `database`, and not a pooler before it: {docs('operations')}, Poolers."
_TLS: Final = "Correct `sslmode` and `sslrootcert` in the URL of `database`, or the server's certificate."

Answer = tuple[type[HistoryError], str, str]
"""Kind of error, what the database is or does, and what to do."""

# PostgreSQL, "PostgreSQL Error Codes": by the beginning of the code.
_BY_STATE: Final[tuple[tuple[str, Answer], ...]] = (
    ("08", (HistoryUnavailable, "broke the connection off", _SERVER)),
    ("25006", (HistoryError, "cannot be written: it is read-only", _PRIMARY)),
    ("25P03", (HistoryUnavailable, "ended a transaction that stood still", "")),
    ("3F000", (HistoryError, "has no schema that this role may use", _RIGHTS)),
    ("40", (HistoryUnavailable, "put off what two asked at once", "")),
    ("42501", (HistoryError, "does not permit this role what rotator asks", _RIGHTS)),
    ("53100", (HistoryUnavailable, "cannot be written: the server's disk is full", _ROOM)),
    ("53300", (HistoryUnavailable, "has no connection free", _SESSIONS)),
    ("53", (HistoryUnavailable, "lacks memory or another resource", _SERVER)),
    ("55P03", (HistoryUnavailable, "is held by another program", _WAITING)),
    ("57014", (HistoryUnavailable, "did not answer in time", _SERVER)),
    ("57P", (HistoryUnavailable, "is being stopped or restarted", "")),
    ("58", (HistoryUnavailable, "cannot be read or written: the server reports an error of its disk", _SERVER)),
    ("XX001", (HistoryError, "is damaged", _BACKUP)),
    ("XX002", (HistoryError, "is damaged", _BACKUP)),
)

# There is no code where no session began: libpq hands on the server's sentence, here in English. The first match
# counts: what lacks may be a file of certificates, and a missing line in pg_hba.conf may speak of SSL.
_BY_WORDS: Final[tuple[tuple[str, Answer], ...]] = (
    ("startup parameter", (HistoryError, "is behind a pooler that does not let a session be set up", _NO_POOLER)),
    ("no pg_hba.conf entry", (HistoryError, "does not let this role in from this machine", _LET_IN)),
    ("SSL", (HistoryError, "and rotator do not agree on TLS", _TLS)),
    ("certificate", (HistoryError, "and rotator do not agree on TLS", _TLS)),
    ("authentication failed", (HistoryError, "refused the user or the password", _LOGIN)),
    ("no password supplied", (HistoryError, "asks for a password, and there is none", _NO_LOGIN)),
    ("permission denied", (HistoryError, "does not let this role in", _RIGHTS)),
    ("not permitted to log in", (HistoryError, "does not let this role in", _RIGHTS)),
    ("does not exist", (HistoryError, "is not there, or its role is not", _CREATE)),
    ("too many", (HistoryUnavailable, "has no connection free", _SESSIONS)),
    ("connection slots", (HistoryUnavailable, "has no connection free", _SESSIONS)),
    ("the database system is", (HistoryUnavailable, "is being stopped or restarted", "")),
    # Which server is wanted says the URL then: in a fail-over there is none for a while.
    ("session is read-only", (HistoryUnavailable, "has no server just now that can be written", _PROMOTED)),
    ("server is in hot standby mode", (HistoryUnavailable, "has no server just now that can be written", _PROMOTED)),
)

_NOT_REACHED: Final = ("connection failed", "connection timeout", "failed to resolve", "multiple connection attempts")
_LOST: Final = "What was being written may be there or not; everything before it is as it was."


def settings_lost() -> HistoryError:
    """The error for a session whose settings have not come to the server: which tables it finds, and what it may."""
    return HistoryError(
        "The history database is behind a pooler that drops the settings of a session.",
        effect=NOTHING_CHANGED,
        hint=_NO_POOLER,
    )


def sessions_handed_around(name: str) -> HistoryError:
    """The error for sessions that are another's from one statement to the next."""
    return HistoryError(
        f"The history database {name} is behind a pooler that hands its sessions around, so that no lock would keep two"
        " rotations of one credential apart.",
        effect=NOTHING_CHANGED,
        hint=_NO_POOLER,
    )


def connection_failure(name: str, error: BaseException) -> HistoryError:
    """The error for an exception of psycopg's that carries no code: there is no session, or no more."""
    sentence = " ".join(str(error).split())
    if not sentence.lower().startswith(_NOT_REACHED):
        message = f"The connection to the history database {name} was lost."
        return HistoryUnavailable(message, effect=_LOST, hint=_SERVER, rerun=RERUN)
    for words, (kind, what, hint) in _BY_WORDS:
        if words in sentence:
            message = f"The history database {name} {what}."
            return kind(message, effect="Nothing was written.", hint=hint, rerun=rerun_after(kind))
    reason = sentence.rpartition("failed: ")[2].partition(" Is the server running")[0].rstrip(".")
    message = f"The history database {name} cannot be reached: {reason}."
    return HistoryUnavailable(message, effect="Nothing was written.", hint=_SERVER, rerun=RERUN)


def rerun_after(kind: type[HistoryError]) -> str:
    """What who typed a command does about an error of that kind, when its cause is gone."""
    return RERUN if kind.transient else ""


def answer_to(state: str) -> Answer | None:
    """What a code means for rotator; None for one that no person can do anything about."""
    return next((answer for beginning, answer in _BY_STATE if state.startswith(beginning)), None)


def effect_by(state: str, untouched: str) -> str:
    """What the database was left as: nothing was written, unless the session ended at an unknown point."""
    return _LOST if state.startswith(("08", "57P")) else untouched
