"""What it takes to end access at once, and what was taken from whom, so that it can be given back.

Three steps, each by itself: no key logs in any more, what was given out to those who did is refused, and the user may
not use the app. Which of them is still to be done follows from what is seen of the org, whatever an earlier run did.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class RevocationStep(StrEnum):
    """By what a credential can do nothing more; each is taken by itself, and can be asked for alone."""

    CERTIFICATE = "certificate"
    """Each app of the credential holds a certificate whose key nobody has, or a consumer key and secret."""
    ACCESS = "access"
    """Its user may not log in through its apps."""
    TOKENS = "tokens"
    """What its apps gave out to its user is refused: refresh tokens, access tokens, sessions."""


EVERY_STEP: Final = tuple(RevocationStep)
"""In the order in which they are taken: a certificate takes minutes to arrive everywhere, a withdrawn access does not;
and no token is given out any more when those that were are ended."""

ENDING: Final = frozenset({RevocationStep.CERTIFICATE, RevocationStep.ACCESS})
"""Those after which no login succeeds. After the tokens alone the key logs in as before."""


def how_to_end(credential: str, steps: Collection[RevocationStep]) -> str:
    """The command by which these steps of a credential's access end, and no other."""
    only = "".join(f" --only {step}" for step in EVERY_STEP if step in steps)
    return f"`rotator revoke {credential}{'' if {*EVERY_STEP} <= {*steps} else only} --reason TEXT`"


class GivenBy(StrEnum):
    """What lets a user log in through an app."""

    PERMISSION_SET = "permission set"
    GROUP = "permission set group"
    PROFILE = "profile"
    POLICY = "policy"
    """The app's own: each user may who approves it himself."""


@dataclass(frozen=True)
class AccessGrant:
    """One thing that lets a user log in through an app."""

    app: str
    app_id: str
    """Record id of the app."""
    given_by: GivenBy
    name: str = ""
    """Of the permission set, group or profile."""
    holder_id: str = ""
    """Record id of the permission set, of a profile its own, or of the group."""
    user_id: str = ""
    """Record id of the user."""
    shared_with: tuple[str, ...] = ()
    """Other credentials of the user whose apps the same set or group lets him in to."""
    expires: str = ""
    """Until when the user has the set or group, in UTC as ISO 8601 writes it; empty where that has no end."""

    def __str__(self) -> str:
        if self.given_by is GivenBy.POLICY:
            return f"the policy of {self.app}, by which each user may log in who approves it himself"
        return f"the {self.given_by} {self.name}, for {self.app}"

    def is_over(self, now: datetime) -> bool:
        """Whether the time has passed for which the user had it."""
        return bool(self.expires) and datetime.fromisoformat(self.expires) <= now

    @property
    def is_shared(self) -> bool:
        """Whether to withdraw it takes the app from other users, too."""
        return self.given_by in {GivenBy.PROFILE, GivenBy.POLICY}


@dataclass(frozen=True, kw_only=True)
class Revocation:
    """What the history knows of a credential that was revoked."""

    since: datetime
    by: str
    reason: str
    wanted: tuple[RevocationStep, ...]
    """The steps that were asked for."""
    done: tuple[RevocationStep, ...] = ()
    ended_by: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the certificates that ended its keys, by app."""
    withdrawn: tuple[AccessGrant, ...] = ()
    """What was taken from the user, the first first; each was written down before it was done."""
    accepted_at: datetime | None = None
    """When a test login with a stored key was last accepted since; None where the last ones were refused."""
    let_in_by: str = ""
    """What was seen to let its user in again, in words, while its key is not ended; empty where nothing was."""

    @property
    def logs_in_again(self) -> bool:
        """Whether logins may succeed though each step that was to end them had ended: somebody has undone it."""
        is_ended = ENDING.isdisjoint(self.left)
        return is_ended and (self.accepted_at is not None or bool(self.let_in_by))

    @property
    def access_may_return(self) -> bool:
        """Whether the user's access is all that keeps its key out, so that it is to be looked for."""
        return RevocationStep.ACCESS in self.done and RevocationStep.CERTIFICATE not in self.done

    @property
    def left(self) -> tuple[RevocationStep, ...]:
        """The steps that were not ended."""
        return tuple(step for step in self.wanted if step not in self.done)

    @property
    def ends_logins(self) -> bool:
        """Whether a step of it, begun or done, refuses logins with the credential."""
        return not ENDING.isdisjoint(self.wanted)

    def as_text(self) -> str:
        """For a column of a database."""
        accepted_at = self.accepted_at.isoformat() if self.accepted_at else None
        fields = asdict(self) | {"since": self.since.isoformat(), "accepted_at": accepted_at}
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """The record of which `as_text` was written; None where there is none. Raises ValueError for anything else."""
        if not text:
            return None
        try:
            fields: dict[str, Any] = json.loads(text)
            accepted_at = fields.get("accepted_at")
            return cls(
                since=datetime.fromisoformat(fields["since"]),
                by=str(fields["by"]),
                reason=str(fields["reason"]),
                wanted=steps_of(fields["wanted"]),
                done=steps_of(fields["done"]),
                ended_by={str(app): str(each) for app, each in fields["ended_by"].items()},
                withdrawn=tuple(grant_of(each) for each in fields["withdrawn"]),
                accepted_at=datetime.fromisoformat(accepted_at) if accepted_at else None,
                let_in_by=str(fields.get("let_in_by", "")),
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"no record of a revocation: {type(error).__name__}") from None

    def asked_again(self, wanted: Collection[RevocationStep], reason: str) -> Self:
        """The same after another request: steps are added, and those that are asked for are done anew."""
        every = tuple(step for step in EVERY_STEP if step in {*self.wanted, *wanted})
        return replace(
            self,
            wanted=every,
            done=tuple(step for step in self.done if step not in wanted),
            reason=reason or self.reason,
            accepted_at=None,
            let_in_by="",
        )

    def with_done(self, step: RevocationStep) -> Self:
        """The same after a step was ended."""
        return replace(self, done=tuple(each for each in EVERY_STEP if each in {*self.done, step}))

    def taking(self, grant: AccessGrant) -> Self:
        """The same before a grant is withdrawn."""
        return self if grant in self.withdrawn else replace(self, withdrawn=(*self.withdrawn, grant))

    def without(self, grant: AccessGrant) -> Self:
        """The same after a grant was given back: until its key has logged in, access is a step that is left."""
        kept = tuple(each for each in self.withdrawn if each != grant)
        return replace(
            self,
            withdrawn=kept,
            done=tuple(step for step in self.done if step is not RevocationStep.ACCESS),
            let_in_by="",
        )

    def sharing(self, grant: AccessGrant) -> Self:
        """The same after a grant that lets its user in was given back with another credential: its key alone is ended.

        Whoever gives it back sees to that first (`revived`).
        """
        wanted = tuple(step for step in self.wanted if step is not RevocationStep.ACCESS)
        return replace(self.without(grant), wanted=wanted)


def to_give_back(revoked: Mapping[str, Revocation], credential: str) -> list[tuple[str, AccessGrant]]:
    """What a credential's user needs to come back, the last first, and the credential with which it was taken.

    That may be another one of the same user, revoked before: then nothing was left to take from this one.
    """
    every = [(name, grant) for name, each in revoked.items() for grant in reversed(each.withdrawn)]
    own = [(name, grant) for name, grant in every if name == credential]
    return own + [(name, grant) for name, grant in every if name != credential and credential in grant.shared_with]


def sharers(credential: str, owner: str, grant: AccessGrant) -> tuple[str, ...]:
    """The other credentials whose user a grant lets in."""
    return tuple(sorted({owner, *grant.shared_with} - {credential}))


def revived(revoked: Mapping[str, Revocation], credential: str) -> list[tuple[str, AccessGrant]]:
    """The other revoked credentials whose keys would log in again once this one's user has access again, and by what.

    The key of one whose certificate was ended logs in nowhere, whatever its user may.
    """
    found = {
        name: grant
        for owner, grant in to_give_back(revoked, credential)
        for name in sharers(credential, owner, grant)
        if name in revoked and revoked[name].ends_logins and RevocationStep.CERTIFICATE not in revoked[name].done
    }
    return sorted(found.items(), key=lambda each: each[0])


def grant_of(fields: Mapping[str, Any]) -> AccessGrant:
    """The grant of which `asdict` was written. Raises LookupError, TypeError or ValueError for anything else."""
    texts = {name: str(value) for name, value in fields.items() if name not in {"given_by", "shared_with"}}
    shared_with = tuple(map(str, fields.get("shared_with", ())))
    return AccessGrant(given_by=GivenBy(fields["given_by"]), shared_with=shared_with, **texts)


def steps_of(names: Sequence[str]) -> tuple[RevocationStep, ...]:
    """The steps of these names, in their order. Raises ValueError for another name."""
    named = {RevocationStep(name) for name in names}
    return tuple(step for step in EVERY_STEP if step in named)


@dataclass(frozen=True)
class ObservedAccess:
    """What was seen of one app that matters to a revocation."""

    app: str
    live: str | None
    """Fingerprint of its certificate; None where it holds none."""
    is_hidden: bool
    """The org does not show its certificate."""
    tokens: int = 0
    sessions: int = 0
    grants: tuple[AccessGrant, ...] = ()


def apps_left(seen: Sequence[ObservedAccess], ended_by: Mapping[str, str]) -> tuple[str, ...]:
    """The apps that may hold a certificate of which somebody has the key.

    One that only looks like ours is not ours: whoever knows what those look like could have put it there. Where the org
    hides what an app holds, it is what this revocation has sent there.
    """
    return tuple(each.app for each in seen if not _is_ended(each, ended_by.get(each.app)))


def _is_ended(seen: ObservedAccess, ended_by: str | None) -> bool:
    if seen.is_hidden:
        return ended_by is not None
    return seen.live is None or seen.live == ended_by


def remaining(
    seen: Sequence[ObservedAccess], wanted: Collection[RevocationStep], ended_by: Mapping[str, str]
) -> tuple[RevocationStep, ...]:
    """The steps that are still to be taken, by what is seen of the apps."""
    left = {
        RevocationStep.CERTIFICATE: bool(apps_left(seen, ended_by)),
        RevocationStep.TOKENS: any(each.tokens or each.sessions for each in seen),
        RevocationStep.ACCESS: any(each.grants for each in seen),
    }
    return tuple(step for step in EVERY_STEP if step in wanted and left[step])


def what_is_undone(revoked: Revocation, *, is_app_changed: bool, has_secret: bool) -> str:
    """What somebody has done since a credential was revoked, by which logins with it may succeed."""
    if is_app_changed:
        return what_is_found(has_secret=has_secret)
    if revoked.accepted_at:
        return f"A login with what was revoked was accepted on {words.moment(revoked.accepted_at)}."
    return f"Its user is let in again, by {revoked.let_in_by}."


def how_to_end_again(credential: str, revoked: Revocation, *, is_app_changed: bool) -> str:
    """The command that ends what somebody has undone, and no more than was asked for."""
    return how_to_end(credential, [RevocationStep.CERTIFICATE] if is_app_changed else revoked.wanted)


def what_is_found(*, has_secret: bool) -> str:
    """What is so of an app of a revoked credential that somebody has changed since."""
    if has_secret:
        return "Its app uses another consumer key and secret than the pair that ended its own."
    return "An app of it holds another certificate than the one that ended its key."


def nobody_logs_in(credential: str) -> str:
    """Why what was wrong with logins by a credential is over, now that it is revoked."""
    return f"{credential} was revoked: nobody is to log in by it."


def in_words(steps: Sequence[RevocationStep]) -> str:
    """What the steps end, for people."""
    return words.listed(_ENDS[step] for step in steps)


_ENDS: Final = {
    RevocationStep.CERTIFICATE: "its key",
    RevocationStep.TOKENS: "the tokens that were given out",
    RevocationStep.ACCESS: "its user's access",
}
