"""The pages for people: each gathers what its template shows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from rotator.core.lifecycle.states import CertificateState
from rotator.core.posture.judgements import Verdict
from rotator.core.severity import Severity
from rotator.services.inventory.remarks import remark_on_hidden
from rotator.services.inventory.schedules import held_up
from rotator.services.reporting.overview import CertificateDetails
from rotator.services.usage.shown import usage_of
from rotator.web.looks import Look, look_of, word_of
from rotator.web.picture import MOST_BARS, PERIODS, Axis, bar, by_org, columns
from rotator.web.search import MANAGED, NOT_RESTING, STATES, Search, number_of, page_of
from rotator.web.templates import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.core.posture.kept_finding import KeptFinding
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.reporting.overview import OrgLine, Overview
    from rotator.web.picture import Bar
    from rotator.web.source import Liveness, Source

_FIRST_BARS: Final = 12
"""Of certificates that are grouped, so many are shown one by one all the same."""

_FIRST: Final = {"alerts": 5, "credentials": 12, "orgs": 12, "machines": 12, "rotations": 6}
"""So many lines of each list are on the status page."""

_FINGERPRINT_LENGTH: Final = 64
_NEVER_SEEN: Final = "No certificate with this fingerprint was ever seen."
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Views:
    """Every method takes a request and returns a page. Raises what the source raises, and HTTPException(404)."""

    def __init__(self, source: Source, alive: Callable[[], Liveness]) -> None:
        self._source: Final = source
        self._alive: Final = alive

    def status(self, _request: Request) -> Response:
        """What needs attention, what expires when, orgs, credentials, the newest rotations."""
        shown = self._shown()
        lines, live = shown.overview.cared_for, shown.overview.certificates
        is_grouped = len(lines) > MOST_BARS
        grouped = {"columns": columns(lines, shown.overview.at), "by_org": by_org(lines, shown.overview.at)}
        return page(
            "status",
            shown.values
            | {
                "bars": shown.bars(lines[: _FIRST_BARS if is_grouped else MOST_BARS]),
                "total": len(live),
                "counts": _urgent(live),
                "resting": len(live) - len(lines),
                "grouped": grouped if is_grouped else None,
                "periods": PERIODS,
                "first": _FIRST,
                "held_up": held_up(shown.overview.credentials, shown.overview.at),
                "credentials": _by_next_rotation(shown.overview.credentials),
                "orgs": _by_urgency(shown.overview.orgs),
            },
        )

    def certificates(self, request: Request) -> Response:
        """All of them, narrowed by the query."""
        shown, search = self._shown(), Search.of(request.query_params)
        found = page_of(search.find(shown.overview), search.page)
        values = {"search": search, "found": found, "bars": shown.bars(found.lines)}
        choices = {
            "states": [*STATES, NOT_RESTING],
            "urgencies": list(Severity),
            "periods": PERIODS,
            "managed": list(MANAGED),
        }
        return page("certificates", shown.values | values | choices)

    def certificate(self, request: Request) -> Response:
        """One certificate: where it is and was, and what brought or replaced it."""
        fingerprint = request.path_params["fingerprint"]
        if len(fingerprint) != _FINGERPRINT_LENGTH:
            raise HTTPException(404, _NEVER_SEEN)
        details, shown = self._source.certificate(fingerprint), self._shown()
        live = [line for line in shown.overview.certificates if line.seen.fingerprint == fingerprint]
        is_stored = any(fingerprint in each.stages.values() for each in shown.overview.credentials)
        if details is None and not live and not is_stored:
            raise HTTPException(404, _NEVER_SEEN)
        details = details or CertificateDetails((), (), ())
        # An org that does not show it has no sighting of it: then the stored version tells of it.
        places = details.places or tuple(line.seen for line in live)
        values = {"fingerprint": fingerprint, "details": details, "places": places, "live": live}
        return page("certificate", shown.values | values | {"bars": shown.bars(live[:1])})

    def credentials(self, request: Request) -> Response:
        """The managed credentials, the one that is rotated next first."""
        shown = self._shown()
        return page("credentials", shown.values | _listed(request, _by_next_rotation(shown.overview.credentials)))

    def credential(self, request: Request) -> Response:
        """One credential, and who logs in with it."""
        shown, name = self._shown(), request.path_params["name"]
        line = next((each for each in shown.overview.credentials if each.credential == name), None)
        if line is None:
            raise HTTPException(404, "No credential of this name is configured.")
        alerts = [alert for alert in shown.overview.alerts if alert.credential == name]
        usage = usage_of(line, shown.overview.at)
        return page("credential", shown.values | {"line": line, "usage": usage, "alerts": alerts})

    def orgs(self, request: Request) -> Response:
        """The configured orgs, the one with the most urgent certificates first."""
        shown = self._shown()
        return page("orgs", shown.values | _listed(request, _by_urgency(shown.overview.orgs)))

    def org(self, request: Request) -> Response:
        """One org and its certificates."""
        shown, name = self._shown(), request.path_params["name"]
        org = next((each for each in shown.overview.orgs if each.name == name), None)
        if org is None:
            raise HTTPException(404, "No org of this name is configured.")
        found = page_of(Search(org=name).find(shown.overview), 1)
        alerts = [alert for alert in shown.overview.alerts if alert.org == name]
        hidden = remark_on_hidden(name, org.hidden)
        values = {
            "org": org,
            "found": found,
            "bars": shown.bars(found.lines),
            "alerts": alerts,
            "hidden": str(hidden) if hidden else "",
        }
        return page("org", shown.values | values)

    def rotations(self, request: Request) -> Response:
        """The newest rotations, of one credential where the query names it."""
        shown, credential = self._shown(), request.query_params.get("credential", "").strip()
        these = [each for each in shown.overview.rotations.newest if credential in {"", each.credential}]
        values = _listed(request, these, credential=credential) | {"credential": credential}
        return page("rotations", shown.values | values)

    def rotation(self, request: Request) -> Response:
        """One rotation and its steps."""
        details = self._source.rotation(request.path_params["id"])
        if details is None:
            raise HTTPException(404, "The history knows no rotation of this id.")
        return page("rotation", self._shown().values | {"details": details})

    def alerts(self, request: Request) -> Response:
        """The open alerts, and the channels."""
        shown = self._shown()
        return page("alerts", shown.values | _listed(request, shown.overview.alerts))

    def machines(self, request: Request) -> Response:
        """The machines that share the work, what each works at, and the queue between them."""
        shown = self._shown()
        machines = shown.overview.machines
        if machines is None:
            raise HTTPException(404, "The history is in SQLite, so one service does all the work.")
        fleet = machines.fleet
        names = {each.id: each.name for each in fleet.machines} if fleet else {}
        values = {"machines": machines, "names": names}
        return page("machines", shown.values | _listed(request, fleet.jobs if fleet else ()) | values)

    def audit(self, request: Request) -> Response:
        """What the last audits found, what is excepted, and what could not be seen."""
        shown = self._shown()
        listed = _listed(request, shown.overview.findings)
        values = {
            "checks": list(dict.fromkeys(each.about for each in listed["found"].lines if each.about)),
            "unaudited": [org for org in shown.overview.orgs if not org.is_audited(shown.overview.at)],
            "excepted": [each for each in shown.overview.audited if each.verdict is Verdict.EXCEPTED],
            "unseen": _by_need(each for each in shown.overview.audited if each.verdict is Verdict.HIDDEN),
        }
        return page("audit", shown.values | listed | values)

    def alert(self, request: Request) -> Response:
        """One alert, and who was told of it."""
        details = self._source.alert(request.path_params["id"])
        if details is None:
            raise HTTPException(404, "The history knows no alert of this id.")
        return page("alert", self._shown().values | {"details": details})

    def _shown(self) -> _Shown:
        return _Shown(self._source.overview(), self._alive())


def _urgent(lines: Iterable[CertificateLife]) -> list[tuple[str, int]]:
    """How many certificates are in each state that is not well, the most urgent first."""
    counts = Counter((look_of(line), word_of(line)) for line in lines if line.state is not CertificateState.OK)
    return [(word, counts[look, word]) for look, word in sorted(counts, key=lambda each: list(Look).index(each[0]))]


def _by_need(findings: Iterable[KeptFinding]) -> dict[str, list[KeptFinding]]:
    """What could not be seen, by what it takes to see it."""
    found: dict[str, list[KeptFinding]] = {}
    for each in findings:
        found.setdefault(each.needs, []).append(each)
    return found


def _by_next_rotation(lines: Iterable[CredentialStatus]) -> list[CredentialStatus]:
    """What is critical, failed or is not known comes first: somebody should look."""
    return sorted(
        lines,
        key=lambda line: (
            line.urgency is not Severity.CRITICAL,
            not line.attempt.failures,
            _begins_at(line),
            line.credential,
        ),
    )


def _begins_at(line: CredentialStatus) -> datetime:
    begins = line.life.begins
    return (begins.at or line.life.due_at or _LONG_AGO) if begins else _LONG_AGO


def _by_urgency(lines: Iterable[OrgLine]) -> list[OrgLine]:
    return sorted(lines, key=lambda line: (line.is_readable, -line.urgent, line.name))


def _listed(request: Request, lines: Sequence[Any], **query: str) -> dict[str, Any]:
    """The page of a list that is asked for, and the addresses of the others, with what else is asked."""
    kept = {name: value for name, value in query.items() if value}
    return {
        "found": page_of(lines, number_of(request.query_params.get("page", ""))),
        "address": lambda number: "?" + urlencode(kept | {"page": number}),
    }


class _Shown:
    """What every page has."""

    def __init__(self, overview: Overview, alive: Liveness) -> None:
        self.overview: Final = overview
        self._alive: Final = alive

    @cached_property
    def axis(self) -> Axis:
        return Axis(self.overview.at, self.overview.thresholds)

    @cached_property
    def values(self) -> dict[str, Any]:
        return {
            "overview": self.overview,
            "now": self.overview.at,
            "alive": self._alive,
            "marks": self.axis.marks,
        }

    def bars(self, lines: Iterable[CertificateLife]) -> list[Bar]:
        return [bar(line, self.axis) for line in lines]
