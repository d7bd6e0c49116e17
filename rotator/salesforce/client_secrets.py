"""Consumer keys and secrets of external client apps: the pair in use, and the one that is staged or rotated away.

Connect REST API, OAuth Usage and OAuth Credentials (API 65.0 on). A consumer has one pair in use and room for a second
one. What is staged is put in use by the command `rotate`; the pair before it is the second one then. A second pair is
valid for 30 days. Whatever is sent goes to addresses made here, from ids alone: those that an answer names are not
followed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core.credentials import Fingerprint, secret_fingerprint
from rotator.core.kept import Kept
from rotator.core.observed import Kind, ObservedApp, ObservedCertificate
from rotator.core.secret import Secret
from rotator.errors import NOTHING_CHANGED, LoginRefused, OrgError, OrgUnavailable
from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.net.shapes import Fields, WrongShape
from rotator.resources import docs
from rotator.salesforce.faults import NotThere, from_status, in_shape
from rotator.salesforce.permissions import CLIENT_SECRETS_HINT
from rotator.salesforce.record_values import is_id
from rotator.salesforce.rest import refusal_of_id, resource
from rotator.salesforce.transport import AnswerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import requests

    from rotator.core.observed import ObservedCredential
    from rotator.salesforce.session import OrgSession

FIRST_VERSION: Final = 65.0
"""Of the API that has these resources."""

_API: Final = "REST API of external client apps"
_SIZE: Final = 64 * KILOBYTE
_LIST_SIZE: Final = 4 * MEGABYTE
"""Of a page of the list of apps, with 200 bytes for each."""
_PAGE: Final = 100
"""Apps that a page has, but for the last one."""
_MOST_PAGES: Final = 100
_LOOKS: Final = 3
_KEPT: Final = 1_000
"""Ids of consumers that an adapter keeps by itself."""


class State(StrEnum):
    """What the second pair of a consumer is."""

    STAGED = "staged"
    """To come."""
    ROTATED = "rotated"
    """Rotated away, and taken for a while still."""
    EXPIRED = "expired"
    """Of no use to anybody, and in the place of a next one."""


_STATES: Final = {**{each.value: each for each in State}, "active": State.STAGED}
"""By their names in small letters: App Oauth Staged Credentials has Active, Rotated and Expired, and programs that read
them have others."""


@dataclass(frozen=True)
class Pair:
    """A consumer key and its secret."""

    client_id: str
    client_secret: Secret

    @property
    def fingerprint(self) -> Fingerprint:
        """Names it, and tells nothing of the secret."""
        return secret_fingerprint(self.client_id, self.client_secret)


@dataclass(frozen=True)
class Second:
    """The second pair of a consumer."""

    id: str
    pair: Pair
    state: State


@dataclass(frozen=True)
class Pairs:
    """What a consumer has."""

    in_use: Pair
    second: Second | None = None

    def second_as(self, state: State) -> Pair | None:
        """The second pair, if it is in this state."""
        return self.second.pair if self.second and self.second.state is state else None

    def observed(self, app: str) -> ObservedApp:
        """What a decision needs of the app."""
        staged, rotated = self.second_as(State.STAGED), self.second_as(State.ROTATED)
        return ObservedApp(
            app,
            live=self.in_use.fingerprint,
            by_secret=True,
            staged=staged.fingerprint if staged else None,
            rotated=rotated.fingerprint if rotated else None,
        )

    def in_place(self, org: str, app: str, credential: ObservedCredential) -> ObservedCertificate:
        """The pair in use in its place, with its dates where it is stored: Salesforce tells none."""
        place = ObservedCertificate(org=org, app=app, type=Kind.CLIENT_SECRET, client_id=self.in_use.client_id)
        ours = credential.version(self.in_use.fingerprint)
        if ours is None or ours.not_before is None:
            return place
        return replace(place, fingerprint=ours.fingerprint, not_before=ours.not_before, not_after=ours.not_after)


class _ListedApp(NamedTuple):
    name: str
    id: str


@dataclass(frozen=True)
class _Consumer:
    app: str
    path: str


class ClientSecrets:
    """Consumer keys and secrets of one org. All calls raise OrgError, OrgUnavailable and LoginRefused.

    What is certain not to have been done raises another error than AnswerLost.
    """

    def __init__(
        self,
        session: OrgSession,
        kept: Kept[str] | None = None,
        kinds_of: Callable[[str], Collection[Kind]] = lambda _: (),
    ) -> None:
        """Calls nothing yet. `kept` has the ids of consumers by org and id of their app; threads may share it.

        `kinds_of`: the kinds in which the org has an app of a name, as far as that can be seen; it is asked of an app
        that is not among those with secrets.
        """
        self.org: Final = session.org
        self._kinds_of: Final = kinds_of
        self._session: Final = session
        self._consumers: Final[Kept[str]] = Kept(_KEPT) if kept is None else kept
        self._apps: dict[str, _ListedApp] = {}
        """By folded name, as the org listed them once to this adapter: a name may be another app's the next day."""

    def read(self, app: str) -> Pairs | None:
        """What the app's consumer has; None where the org lists no such app to the program's user."""
        consumer = self._consumer(app)
        if consumer is None:
            return None
        try:
            return self._pairs(consumer)
        except NotThere:
            # Deleted, and made again under the same name?
            self._consumers.drop(self._kept_as(self._apps.pop(app.casefold()).id))
            return None if (again := self._consumer(app)) is None else self._pairs(again)

    def absent(self, app: str) -> OrgError:
        """The error for an app without pairs, as far as the org tells the program's user."""
        if [*self._kinds_of(app)] == [Kind.APP]:
            return OrgError(
                f"{app} in the org {self.org} is a connected app. Salesforce shows and rotates the consumer secrets of"
                " external client apps alone.",
                effect=NOTHING_CHANGED,
                hint="Name an External Client App under `apps`, and have consumers log in through that"
                f' ({docs("salesforce-setup")}, "Client secrets"). If its consumers log in with a key, leave out'
                " `kind: client_secret`; its secret is changed in Setup.",
            )
        from difflib import get_close_matches  # noqa: PLC0415 - for who mistyped

        close = get_close_matches(app.casefold(), self._apps, n=1, cutoff=0.6)
        guess = f"Did you mean `{self._apps[close[0]].name}`? " if close and app.casefold() not in self._apps else ""
        return OrgError(
            f"The org {self.org} lists no external client app {app} with a consumer key to the program's user.",
            effect=NOTHING_CHANGED,
            hint=f"{guess}Check its API name in Setup, External Client App Manager, and that OAuth is enabled; of a"
            f" connected app no secret can be read. {CLIENT_SECRETS_HINT}",
        )

    def stage(self, app: str) -> Pair:
        """Has the org make a second pair. The place for it must be empty, or hold one that has expired."""
        consumer = self._require(app)
        answer = self._stage(consumer)
        # From here on a pair may be staged, whatever the answer lacks.
        try:
            made = self._second(answer, consumer)
        except AnswerLost:
            raise
        except OrgError:
            raise from_status(self.org, 200, _API, "it staged a pair and does not show its secret") from None
        if made is None or made.state is not State.STAGED:
            raise from_status(self.org, 200, _API, "it staged a pair and does not show it")
        return made.pair

    def rotate(self, app: str, *, expecting: Fingerprint) -> None:
        """Puts the staged pair in use, which must be `expecting` still."""
        consumer = self._require(app)
        second = self._expected(consumer, expecting)
        self._call("PATCH", f"{consumer.path}/staged/{second.id}", {"command": "rotate"})

    def delete(self, app: str, *, expecting: Fingerprint) -> None:
        """Deletes the second pair, which must be `expecting` still: no login with it succeeds any more."""
        consumer = self._require(app)
        second = self._expected(consumer, expecting)
        self._call("DELETE", f"{consumer.path}/staged/{second.id}")

    def _stage(self, consumer: _Consumer) -> Fields:
        try:
            return self._call("POST", f"{consumer.path}/staged")
        except (LoginRefused, OrgUnavailable):
            raise
        except OrgError:
            second = self._look_for_second(consumer)
            if second is None or second.state is not State.EXPIRED:
                raise
        self._call("DELETE", f"{consumer.path}/staged/{second.id}")
        return self._call("POST", f"{consumer.path}/staged")

    def _pairs(self, consumer: _Consumer) -> Pairs:
        for _ in range(_LOOKS):
            second = self._look_for_second(consumer)
            in_use = self._pair(self._call("GET", f"{consumer.path}?part=keyandsecret"), consumer)
            # Rotated between the two calls, the staged pair is in use, and what is second now has not been seen yet.
            if second is None or second.state is State.EXPIRED:
                return Pairs(in_use)
            if second.pair != in_use:
                return Pairs(in_use, second)
        raise from_status(self.org, 200, _API, f"it shows one pair of {consumer.app} as in use and as second")

    def _look_for_second(self, consumer: _Consumer) -> Second | None:
        try:
            answer = self._call("GET", f"{consumer.path}/staged")
        except NotThere:
            # What an org says of no pair is not documented; of no consumer, it says so of the pair in use, too.
            return None
        return self._second(answer, consumer)

    def _expected(self, consumer: _Consumer, expecting: Fingerprint) -> Second:
        second = self._look_for_second(consumer)
        if second is None or second.pair.fingerprint != expecting:
            raise OrgError(
                f"The second consumer key and secret of {consumer.app} in the org {self.org} are not those that were"
                " seen a moment ago: somebody changed them.",
                effect=NOTHING_CHANGED,
                hint="Find out who changes that app.",
                rerun="Run the same command again: it looks anew.",
            )
        return second

    def _require(self, app: str) -> _Consumer:
        consumer = self._consumer(app)
        if consumer is None:
            raise self.absent(app)
        return consumer

    def _consumer(self, app: str) -> _Consumer | None:
        if app.casefold() not in self._apps:
            self._apps = {each.name.casefold(): each for each in self._listed()}
        listed = self._apps.get(app.casefold())
        if listed is None:
            return None
        consumer_id = self._consumers.get(self._kept_as(listed.id)) or self._find(app, listed.id)
        if consumer_id is None:
            return None
        self._consumers.put(self._kept_as(listed.id), consumer_id)
        return _Consumer(app, f"credentials/{listed.id}/{consumer_id}")

    def _kept_as(self, app_id: str) -> str:
        return f"{self.org} {app_id}"

    def _listed(self) -> list[_ListedApp]:
        listed: list[_ListedApp] = []
        for number in range(_MOST_PAGES):
            page = self._page(number)
            is_repeated = page == listed[-_PAGE:]
            listed += page
            if len(page) < _PAGE:
                return listed
            if is_repeated:
                # What answers takes no notice of the page's number, so every further one would be the same.
                break
        raise from_status(self.org, 200, _API, "its list of apps has no end")

    def _page(self, number: int) -> list[_ListedApp]:
        answer = self._call("GET", f"usage?page={number}" if number else "usage", size=_LIST_SIZE)
        with in_shape(self.org, _API):
            apps = answer.objects("apps")
            return [_ListedApp(each.text("developerName", required=True), _id(each, "identifier")) for each in apps]

    def _find(self, app: str, app_id: str) -> str | None:
        try:
            answer = self._call("GET", f"credentials/{app_id}")
        except NotThere:
            return None
        with in_shape(self.org, _API):
            ids = [_id(each, "id") for each in answer.objects("consumers")]
        if len(ids) > 1:
            raise OrgError(
                f"The app {app} in the org {self.org} has {len(ids)} consumers, and one is expected.",
                effect=NOTHING_CHANGED,
                hint="Rotate its secrets in Setup.",
            )
        return ids[0] if ids else None

    def _second(self, answer: Fields, consumer: _Consumer) -> Second | None:
        with in_shape(self.org, _API):
            shown = answer.objects("stagedCredentials")
            if len(shown) > 1:
                raise WrongShape(f"{consumer.app} has {len(shown)} staged pairs, and one is possible")
            if not shown:
                return None
            state = _STATES.get(shown[0].text("state", required=True).lower())
            if state is None:
                raise WrongShape(f"the second pair of {consumer.app} is in a state that is not known")
            return Second(_id(shown[0], "id"), self._pair(shown[0], consumer), state)

    def _pair(self, answer: Fields, consumer: _Consumer) -> Pair:
        with in_shape(self.org, _API):
            key, secret = answer.text("key", required=True), Secret(answer.text("secret"))
        if not key or not secret.reveal():
            raise OrgError(
                f"The org {self.org} does not show the consumer secret of {consumer.app}.",
                effect=NOTHING_CHANGED,
                hint=CLIENT_SECRETS_HINT,
            )
        return Pair(key, secret)

    def _call(self, method: str, path: str, sent: dict[str, str] | None = None, *, size: int = _SIZE) -> Fields:
        def ask(instance_url: str, token: Secret) -> requests.Response:
            transport, address = self._session.transport, f"apps/oauth/{path}"
            return resource(self.org, transport, instance_url, token, method, address, sent=sent, size=size)

        response = (self._session.call if method == "GET" else self._session.change)(ask)
        if response.status_code >= 300:
            raise self._refusal(response, path)
        if response.status_code == 204:
            return Fields({})
        with in_shape(self.org, _API):
            return Fields.parsed(response.content)

    def _refusal(self, response: requests.Response, path: str) -> OrgError:
        if response.status_code == 404 and path.startswith("usage"):
            return OrgError(
                f"The org {self.org} has no {_API}.",
                effect=NOTHING_CHANGED,
                hint=f"It came with version {FIRST_VERSION} of the API; `rotator check` says which the org offers.",
            )
        error = refusal_of_id(self.org, response, _API)
        if response.status_code == 403 and type(error) is OrgError:
            return OrgError(error.message, effect=error.effect, hint=CLIENT_SECRETS_HINT)
        return error


def _id(answer: Fields, name: str) -> str:
    found = answer.text(name, required=True)
    if not is_id(found):
        raise WrongShape(f"`{name}` is no id")
    return found
