"""What a revocation would end, and what it has ended, is said step by step, with whom that concerns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from rotator.core.lifecycle.revocation import EVERY_STEP, AccessGrant, GivenBy
from rotator.core.observed import Kind
from rotator.errors import OrgError, RotationHalted
from rotator.salesforce.apps.app import App
from rotator.services.access.issued_tokens import IssuedTokens
from rotator.services.revocation import revocation_plan as plan_module
from rotator.services.revocation.app_access import SharedGrant
from rotator.services.revocation.ended_pairs import EndedPairs, steps_of_kind
from rotator.services.revocation.revocation_plan import RevocationPlan, plan_revocation
from rotator.services.revocation.revocation_report import RevocationReport
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.services.bench import Bench

CERTIFICATE, ACCESS, TOKENS = EVERY_STEP
REFUSED: Final = OrgError("The org does not allow it.", hint='It takes "Manage Users".')
PROFILE: Final = AccessGrant("Billing", "0H4", GivenBy.PROFILE, "Standard User", "0PS1", "005")
SET: Final = AccessGrant("Billing", "0H4", GivenBy.PERMISSION_SET, "Integration", "0PS2", "005")
TOLD: Final = 'The org does not allow it. It takes "Manage Users".'
NOTHING: Final = IssuedTokens()
SOME: Final = IssuedTokens(cast("Any", ["t1", "t2"]), cast("Any", ["s"]))
PLAN: Final = RevocationPlan(
    credential="billing", org="production", username="b@example.com", steps=EVERY_STEP, left=EVERY_STEP
)
REPORT: Final = RevocationReport("billing", EVERY_STEP)


@pytest.mark.parametrize(
    ("plan", "certificate"),
    [
        (PLAN, "Nothing: no app of it holds a certificate whose key anybody has."),
        (
            replace(PLAN, holding=("A", "B")),
            "A and B: a certificate whose key nobody has takes the place of the live one.",
        ),
        (
            replace(PLAN, has_secret=True),
            "Nothing: its app takes no consumer key and secret already but one that nobody has.",
        ),
    ],
)
def test_a_plan_says_which_keys_end(plan: RevocationPlan, certificate: str) -> None:
    assert plan.what(CERTIFICATE) == certificate


def test_a_plan_says_whom_the_end_of_a_client_secret_concerns_beside_it() -> None:
    said = replace(PLAN, has_secret=True, holding=("Secret",)).what(CERTIFICATE)
    assert said.startswith("Secret: a consumer key and secret that nobody has take the place of those in use")
    assert said.endswith("has the old consumer key and is refused, too.")


@pytest.mark.parametrize(
    ("plan", "tokens"),
    [
        (PLAN, "Nothing: the org shows no token of its user."),
        (replace(PLAN, issued=SOME), "2 tokens and 1 live session of b@example.com end."),
        (
            replace(PLAN, issued=replace(SOME, hidden="Live sessions are not shown."), is_open=True),
            "2 tokens of b@example.com end. Live sessions are not shown."
            " To come back, the user has to approve the app once more in a browser.",
        ),
        (
            replace(PLAN, issued=IssuedTokens(hidden="Live sessions are not shown.")),
            "Nothing: the org shows no token of its user. Live sessions are not shown.",
        ),
    ],
)
def test_a_plan_says_which_tokens_end(plan: RevocationPlan, tokens: str) -> None:
    assert plan.what(TOKENS) == tokens


@pytest.mark.parametrize(
    ("grant", "others", "said"),
    [
        (SET, (), "b@example.com loses the permission set Integration, for Billing, with all that is in it."),
        (
            replace(SET, shared_with=("orders",)),
            (),
            "with all that is in it. So does orders: the same user logs in by it.",
        ),
        (
            replace(SET, shared_with=("crm", "orders")),
            (),
            "with all that is in it. So do crm and orders: the same user logs in by it.",
        ),
        (PROFILE, (), "b@example.com loses the profile Standard User, for Billing."),
        (PROFILE, ("ana", "kim"), "for Billing; so do ana and kim (2 other users)."),
        (PROFILE, "abcdef", "for Billing; so do a, b, c, d, e and others (6 other users)."),
        (PROFILE, "abcde", "for Billing; so do a, b, c, d and e (5 other users)."),
        (PROFILE, None, "only users whom an administrator has approved may use that app then."),
    ],
)
def test_a_plan_says_who_loses_access(grant: AccessGrant, others: Sequence[str] | None, said: str) -> None:
    assert replace(PLAN, grants=[SharedGrant(grant, others)]).what(ACCESS).endswith(said)
    assert PLAN.what(ACCESS) == "Nothing: nothing lets b@example.com in."


@pytest.mark.parametrize("step", EVERY_STEP)
def test_why_it_is_not_known_or_was_not_done_is_said_with_what_to_do(step: Any) -> None:
    assert replace(PLAN, unknown={step: REFUSED}).what(step) == TOLD
    failed = replace(REPORT, failed={step: REFUSED})
    assert failed.what(step) == TOLD
    assert (REPORT.is_whole, failed.is_whole) == (True, False)


def test_a_report_says_what_was_ended() -> None:
    assert REPORT.what(CERTIFICATE) == "No app of it holds a certificate whose key anybody has."
    ended = replace(REPORT, apps=("A", "B"), tokens=2, sessions=1, withdrawn=(PROFILE, SET))
    assert ended.what(CERTIFICATE) == "A and B got a certificate whose key nobody has."
    assert ended.what(TOKENS) == "2 tokens revoked, 1 live session ended."
    assert replace(REPORT, sessions=1).what(TOKENS) == "0 tokens revoked, 1 live session ended."
    assert REPORT.what(TOKENS) == "The org shows no token and no session of its user."
    assert ended.what(ACCESS) == f"Withdrawn: {PROFILE} and {SET}."
    assert REPORT.what(ACCESS) == "Nothing lets its user in."
    secret = replace(REPORT, has_secret=True)
    assert secret.what(CERTIFICATE).startswith("Its app takes no consumer key and secret already")
    taken = replace(secret, apps=("Secret",)).what(CERTIFICATE)
    assert taken == "Secret takes no consumer key and secret any more but one that nobody has."


def test_a_report_warns_of_each_thing_once() -> None:
    warned = REPORT.warned("One.").warned("Two.").warned("One.")
    assert warned.warnings == ("One.", "Two.")


@dataclass
class Secrets:
    """The pairs of one consumer (`rotator.salesforce.client_secrets.ClientSecrets`)."""

    in_use: str = "theirs"
    second: str | None = None
    done: list[str] = field(default_factory=list)
    is_absent: bool = False
    stages: int = 0

    def read(self, app: str) -> Any:
        assert app == "Secret"
        if self.is_absent:
            return None
        pair = SimpleNamespace(pair=SimpleNamespace(fingerprint=self.second)) if self.second else None
        return SimpleNamespace(in_use=SimpleNamespace(fingerprint=self.in_use), second=pair)

    def absent(self, app: str) -> OrgError:
        return OrgError(f"There is no {app}.")

    def stage(self, app: str) -> Any:
        assert self.second is None, f"{app} has room for one more only"
        self.second = "nobody's"
        self.done.append("staged")
        return SimpleNamespace(fingerprint=self.second)

    def rotate(self, app: str, *, expecting: str) -> None:
        assert (app, expecting) == ("Secret", self.second)
        self.in_use, self.second = expecting, self.in_use
        self.done.append("rotated in")

    def delete(self, app: str, *, expecting: str) -> None:
        assert (app, expecting) == ("Secret", self.second)
        self.done.append(f"deleted {self.second}")
        self.second = None


class TestPairs:
    """A client secret ends by a pair that nobody has, which is known before it is in use."""

    def ends(self, secrets: Secrets, ended_by: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        told: list[tuple[str, dict[str, Any]]] = []

        def record(kind: str, **details: Any) -> None:
            assert details.pop("now") == MOMENT
            told.append((kind, details))
            secrets.done.append(f"written down: {kind}")

        credential = SimpleNamespace(name="billing", settings=SimpleNamespace(app_names=("Secret",)))
        pairs = EndedPairs(cast("Any", credential), cast("Any", secrets))
        was_ended = pairs.are_ended(ended_by)
        pairs.end(cast("Any", SimpleNamespace(record=record)), ended_by, lambda: MOMENT, why="it is revoked")
        assert was_ended is (secrets.done == [])
        assert pairs.are_ended(ended_by if not told else "nobody's")
        return told

    def test_every_pair_but_that_goes(self) -> None:
        secrets = Secrets(second="staged by somebody")
        about = {"credential": "billing", "app": "Secret", "why": "it is revoked"}
        assert self.ends(secrets) == [
            ("disable_begins", about),
            ("disable_begins", {**about, "ended_by": "nobody's"}),
            ("disable", {**about, "ended_by": "nobody's"}),
        ]
        assert [each for each in secrets.done if "written" not in each] == [
            "deleted staged by somebody",
            "staged",
            "rotated in",
            "deleted theirs",
        ]
        assert secrets.done.index("written down: disable") < secrets.done.index("deleted theirs")

    @pytest.mark.parametrize("second", [None, "theirs"])
    def test_what_was_begun_goes_on(self, second: str | None) -> None:
        secrets = Secrets(in_use="ours", second=second)
        assert self.ends(secrets, "ours") == []
        assert secrets.done == ([f"deleted {second}"] if second else [])

    def test_an_app_that_is_not_there_is_said_to_be(self) -> None:
        with pytest.raises(OrgError, match="There is no Secret"):
            self.ends(Secrets(is_absent=True))


def test_of_a_client_secret_no_access_is_withdrawn() -> None:
    key: Any = SimpleNamespace(name="billing", secrets=None)
    secret: Any = SimpleNamespace(name="billing", secrets=object())
    assert steps_of_kind(key, EVERY_STEP) == EVERY_STEP
    assert steps_of_kind(secret, EVERY_STEP) == (CERTIFICATE, TOKENS)
    with pytest.raises(RotationHalted, match="billing is a client secret") as raised:
        steps_of_kind(secret, (ACCESS,))
    assert raised.value.effect == "Nothing was changed."
    assert "`--only certificate`" in raised.value.hint


def test_one_token_and_one_session_are_two_that_ended() -> None:
    assert replace(REPORT, tokens=1, sessions=1).what(TOKENS) == "1 token revoked, 1 live session ended."


class Seen:
    """What is seen of the app Billing, each part of which may be an error."""

    def __init__(self, grants: Any = (), issued: Any = NOTHING) -> None:
        self._grants, self._issued = grants, issued

    def apps(self) -> list[App]:
        return [App(Kind.APP, "Billing", "key", None, None)]

    def holding(self, _ended_by: object) -> list[App]:
        return []

    def shared(self) -> Any:
        if isinstance(self._grants, OrgError):
            raise self._grants
        return list(self._grants)

    def issued(self) -> Any:
        if isinstance(self._issued, OrgError):
            raise self._issued
        return self._issued


@pytest.mark.parametrize(
    ("seen", "steps", "left", "unknown"),
    [
        (Seen(), EVERY_STEP, (), set()),
        (Seen([SharedGrant(SET)]), EVERY_STEP, (ACCESS,), set()),
        (Seen(issued=replace(SOME, sessions=())), EVERY_STEP, (TOKENS,), set()),
        (Seen(issued=replace(SOME, tokens=())), EVERY_STEP, (TOKENS,), set()),
        (Seen(REFUSED), (ACCESS,), (ACCESS,), {ACCESS}),
        (Seen(issued=REFUSED), (TOKENS,), (TOKENS,), {TOKENS}),
        (Seen(REFUSED, REFUSED), (CERTIFICATE,), (), set()),
    ],
)
def test_a_plan_has_left_what_is_seen_and_what_cannot_be(
    one: Bench,
    monkeypatch: pytest.MonkeyPatch,
    seen: Seen,
    steps: Any,
    left: tuple[object, ...],
    unknown: set[object],
) -> None:
    monkeypatch.setattr(plan_module, "AppAccess", lambda *_: seen)
    plan = plan_revocation(one.credential_context, cast("Any", None), steps, None)
    assert (plan.left, {*plan.unknown}) == (left, unknown)
