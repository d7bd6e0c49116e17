"""What people are told of consumers that still use the old key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.severity import Severity
from rotator.core.thresholds import has_come
from rotator.services.alerting.catalog import alert, moment_fact
from rotator.services.alerting.kinds import LEFT_BEHIND, UNMOVED, WENT_BACK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.core.schedule import Standstill
    from rotator.core.usage.sources import Source

MOST_NAMED: Final = 10
"""So many sources are named in a message; the page and `rotator status NAME --usage` have all of them."""


def left_behind(
    name: str,
    org: str,
    username: str,
    sources: Sequence[Source],
    *,
    goes_back: bool,
    held_by: Sequence[Standstill] = (),
    previous_until: datetime | None,
    now: datetime,
) -> NewAlert:
    """Consumers are refused since a promotion: they log in with a key that is not the app's any more.

    `goes_back`: the previous version is brought back by itself, now; `held_by` is what holds that up. `previous_until`
    is how long it is kept, which may be past.
    """
    until = _kept_until(previous_until, now)
    what = words.count(len(sources), "consumer")
    is_one = len(sources) == 1
    back = f"`rotate back {name}` makes the previous version current again, as long as it is kept"
    return alert(
        LEFT_BEHIND,
        name,
        Severity.CRITICAL,
        f"{what} of {name} in {org} {'was' if is_one else 'were'} left behind by its rotation",
        f"The org refuses {'its' if is_one else 'their'} logins as {username} for the signature: "
        f"{'it does' if is_one else 'they do'} not log in with the current version.",
        {"User": username, **_seen(sources)},
        meanwhile=_meanwhile(until, held_by, goes_back=goes_back),
        to_do=f"Have {'it' if is_one else 'them'} read the store anew, or start {'it' if is_one else 'them'} again;"
        f" {back} ({until}). `rotator status {name} --usage` shows all who log in.",
        org=org,
        credential=name,
    )


def _kept_until(end: datetime | None, now: datetime) -> str:
    if end is None:
        return "until all consumers have moved"
    is_due = f"until it is retired, which is due since {words.moment(end)}"
    return is_due if has_come(end, now) else f"until {words.moment(end)}"


def _meanwhile(until: str, held_by: Sequence[Standstill], *, goes_back: bool) -> str:
    if goes_back:
        return "The previous version is made current again by itself."
    kept = f"The previous version is kept {until}"
    if held_by:
        held = "; ".join(map(str, held_by))
        return f"{kept}. It would be made current again by itself, but that is held up ({held})."
    return f"{kept}; nothing is changed by itself."


def went_back(name: str, org: str, rotation_id: str, reason: str, *, by_hand: bool) -> NewAlert:
    """The previous version was made current again by itself; `by_hand`: people begin the rotations of it."""
    then = (
        "Nothing rotates the credential again but a person (`mode: manual`)."
        if by_hand
        else "The schedule leaves the credential alone for its grace, and rotates it again then."
    )
    return alert(
        WENT_BACK,
        rotation_id,
        Severity.CRITICAL,
        f"The rotation of {name} in {org} was taken back by itself",
        f"The version before is current again, as {reason}.",
        meanwhile=f"That is done once a rotation. {then}",
        to_do="See that each consumer reads the store at every login before that."
        f" `rotator status {name} --usage` shows who logs in; `rotate now {name}` rotates it"
        f"{'' if by_hand else ' sooner'}.",
        org=org,
        credential=name,
    )


def unmoved(
    name: str,
    org: str,
    username: str,
    sources: Sequence[Source],
    consumers: Iterable[str],
    ends_at: datetime | None,
) -> NewAlert:
    """The grace of a previous version ends soon, and not everybody is known to have moved to the current one.

    `consumers` are those of the configuration that have not said that they log in with it; without `ends_at` it is kept
    until they have.
    """
    names = [*consumers]
    silent = f"{words.listed(names)} {'has' if len(names) == 1 else 'have'} not said so." if names else ""
    ends = f"ends on {words.day(ends_at)}" if ends_at else "is kept"
    longer = "; a longer `grace` of the credential keeps the previous version for longer" if ends_at else ""
    seen = f"{words.count(len(sources), 'source')} of logins {'has' if len(sources) == 1 else 'have'} not moved."
    return alert(
        UNMOVED,
        name,
        Severity.WARNING,
        f"The previous version of {name} in {org} {ends}, and not all consumers have moved",
        words.sentences(seen if sources else "", silent),
        {"User": username, **moment_fact("Ends", ends_at), **_seen(sources)},
        meanwhile=f"It is retired after {words.moment(ends_at)}, whoever has moved by then."
        if ends_at
        else "It is kept until each of its consumers has said that it has moved (`require_confirmation`).",
        to_do=f"See that each of them reads the store. `rotator status {name} --usage` shows who has moved{longer}.",
        org=org,
        credential=name,
    )


def _seen(sources: Sequence[Source]) -> dict[str, str]:
    left = len(sources) - MOST_NAMED
    return dict(map(_fact, sources[:MOST_NAMED])) | ({"And": f"{left} more"} if left > 0 else {})


def _fact(source: Source) -> tuple[str, str]:
    if source.refused_at:
        times = words.count(source.refused, "refused login")
        return f"From {source.name}", f"{times}, the last at {words.moment(source.refused_at)}"
    last = source.last_at
    return f"From {source.name}", f"last seen at {words.moment(last)}" if last else "not seen"
