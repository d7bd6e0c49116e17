"""A client secret: what is seen of its pairs, what becomes of a staged one, and what a check says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.credentials import Fingerprint, Stages
from rotator.core.decision.actions import Action, ActionKind
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.secret import Secret
from rotator.errors import LoginRefused, OrgError, RotationHalted, StoreError
from rotator.salesforce.client_secrets import Pair, Pairs, Second, State
from rotator.services.credential_checks import check_pairs, check_stored
from rotator.services.rotation.client_secrets.mechanics import discard_pending, executor_of, observer_of
from rotator.services.rotation.client_secrets.pair_adoption import its_secrets, version_of
from rotator.services.rotation.observer import Observer
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from rotator.core.decision.observations import Observation
    from rotator.core.observed import ObservedApp
    from rotator.salesforce.client_secrets import ClientSecrets
    from rotator.services.rotation.observer import CredentialContext
    from tests.unit.services.bench import Bench

USED, SECOND, THIRD = (Pair(f"key {number}", Secret(f"secret {number}")) for number in range(3))


@dataclass
class OrgSecrets:
    """The pairs of the app Billing."""

    pairs: Pairs | None = field(default_factory=lambda: Pairs(USED))
    deleted: list[Fingerprint] = field(default_factory=list)
    reads: int = 0

    def read(self, app: str) -> Pairs | None:
        assert app == "Billing"
        self.reads += 1
        return self.pairs

    def absent(self, app: str) -> OrgError:
        return OrgError(f"There is no consumer of {app}.")

    def stage(self, _app: str) -> Pair:
        assert self.pairs
        self.pairs = replace(self.pairs, second=Second("2", SECOND, State.STAGED))
        return SECOND

    def delete(self, _app: str, *, expecting: Fingerprint) -> None:
        self.deleted.append(expecting)


@pytest.fixture
def org() -> OrgSecrets:
    return OrgSecrets()


@pytest.fixture
def secret(one: Bench, org: OrgSecrets) -> CredentialContext:
    """Its pair in use is current."""
    settings = one.settings.credentials["billing"].model_copy(update={"kind": "client_secret"})
    secrets = cast("ClientSecrets", org)
    context = replace(one.credential_context, settings=settings, secrets=secrets, prove=lambda _: ACCEPTED)
    store(one, context, current=USED)
    return context


ACCEPTED = LoginAnswer(LoginOutcome.ACCEPTED)


def store(one: Bench, context: CredentialContext, **staged: Pair) -> None:
    versions = {stage: version_of(context, pair, MOMENT) for stage, pair in staged.items()}
    one.store.versions |= {version.fingerprint: version for version in versions.values()}
    one.store.staged = Stages(**{stage: version.fingerprint for stage, version in versions.items()})


def app(context: CredentialContext) -> ObservedApp:
    return observer_of(context).observe().apps["Billing"]


def with_second(pair: Pair, state: State) -> Pairs:
    return Pairs(USED, Second("2", pair, state))


@pytest.mark.parametrize(
    ("second", "is_staging", "is_ours"),
    [(None, True, False), (SECOND, True, True), (SECOND, False, False), (THIRD, True, False)],
    ids=["none is staged", "the program was staging one", "it was not", "it is in the store"],
)
def test_a_staged_pair_is_ours_where_we_were_staging_one_and_do_not_have_it(
    one: Bench, secret: CredentialContext, org: OrgSecrets, second: Pair | None, *, is_staging: bool, is_ours: bool
) -> None:
    store(one, secret, current=USED, pending=THIRD)
    org.pairs = with_second(second, State.STAGED) if second else Pairs(USED)
    found = app(replace(secret, is_staging=lambda: is_staging))
    assert (found.staging, found.by_secret, found.live) == (is_ours, True, USED.fingerprint)


def revoked(context: CredentialContext) -> CredentialContext:
    """As somebody ended its pairs by one that nobody has."""
    ended = Revocation(
        since=MOMENT, by="ines", reason="x", wanted=EVERY_STEP, done=EVERY_STEP, ended_by={"Billing": "b" * 64}
    )
    record = replace(context.known(), revocation=ended.as_text())
    return replace(context, known=lambda: record)


@pytest.mark.parametrize(
    ("pairs", "is_ended"),
    [
        (Pairs(USED), False),
        (with_second(SECOND, State.ROTATED), False),
        (with_second(THIRD, State.ROTATED), True),
        (with_second(THIRD, State.STAGED), False),
        (Pairs(THIRD), True),
        (Pairs(THIRD, Second("2", USED, State.ROTATED)), True),
    ],
)
def test_what_a_revocation_ended_its_pairs_by_counts_until_what_is_stored_is_taken(
    one: Bench, secret: CredentialContext, org: OrgSecrets, pairs: Pairs, *, is_ended: bool
) -> None:
    store(one, secret, current=USED, previous=SECOND)
    org.pairs = pairs
    assert app(revoked(secret)).ended_by == ("b" * 64 if is_ended else None)
    assert app(secret).ended_by is None


def test_an_app_that_the_org_does_not_list_is_that_of_a_client_secret_still(
    secret: CredentialContext, org: OrgSecrets
) -> None:
    org.pairs = None
    observer = observer_of(secret)
    found = observer.observe().apps["Billing"]
    assert (found.readable, found.by_secret) == (False, True)
    assert observer.client_ids == {}
    assert str(observer.why_absent()) == "There is no consumer of Billing."
    org.pairs = Pairs(USED)
    observer.observe()
    assert observer.client_ids == {"Billing": "key 0"}


def test_of_a_key_pair_writes_that_were_begun_are_seen_to_where_that_is_asked_for(one: Bench) -> None:
    settled: list[int] = []

    def settle() -> bool:
        settled.append(1)
        return False

    one.on_settling = settle
    observer_of(one.credential_context).observe()
    assert settled == []
    observer_of(one.credential_context, settles=True).observe()
    assert settled == [1]


def seen(context: CredentialContext) -> Observation:
    return observer_of(context).observe()


@pytest.mark.parametrize("is_staging", [False, True])
def test_a_pair_that_an_earlier_run_staged_is_stored_and_no_second_one_made(
    one: Bench, secret: CredentialContext, org: OrgSecrets, *, is_staging: bool
) -> None:
    if is_staging:
        org.pairs = with_second(THIRD, State.STAGED)
    context = replace(secret, is_staging=lambda: is_staging)
    executor = executor_of(context, Observer(context), rotation_id="7")
    sent: list[str] = []
    stage = Action(ActionKind.STAGE, "", app="Billing")
    executor.carry_out(stage, seen(context), MOMENT, lambda: sent.append("sent"))
    expected = THIRD if is_staging else SECOND
    assert one.store.staged.pending == executor.made == expected.fingerprint
    assert one.store.versions[expected.fingerprint].rotation_id == "7"
    assert sent == ["sent"], "it is written down first"


@pytest.mark.parametrize(
    ("pairs", "is_deleted"),
    [
        (with_second(SECOND, State.STAGED), True),
        (with_second(THIRD, State.STAGED), False),
        (with_second(SECOND, State.ROTATED), False),
        (None, False),
    ],
)
def test_a_pending_pair_leaves_the_org_with_the_store_where_it_is_staged_only(
    one: Bench, secret: CredentialContext, org: OrgSecrets, pairs: Pairs | None, *, is_deleted: bool
) -> None:
    store(one, secret, current=USED, pending=SECOND)
    org.pairs = pairs
    discard_pending(secret, SECOND.fingerprint)
    assert org.deleted == ([SECOND.fingerprint] if is_deleted else [])
    assert one.store.staged.pending is None


def test_a_pair_in_use_that_does_not_log_in_is_told_with_what_to_do(secret: CredentialContext) -> None:
    refused = LoginAnswer(LoginOutcome.CONFIGURATION, "the flow is off", "Turn it on.")
    with pytest.raises(LoginRefused, match="does not succeed: the flow is off") as caught:
        check_pairs(replace(secret, prove=lambda _: refused), MOMENT)
    assert (caught.value.effect, caught.value.hint) == ("Nothing was stored or changed.", "Turn it on.")


def test_a_check_of_pairs_reads_them_once_and_refuses_what_ends_our_own_login(
    secret: CredentialContext, org: OrgSecrets
) -> None:
    assert "can be read and just logged in" in check_pairs(secret, MOMENT)
    assert org.reads == 1
    org.pairs = Pairs(replace(USED, client_id="key"))
    with pytest.raises(RotationHalted, match="would end the consumer key that rotator itself logs in to"):
        check_pairs(secret, MOMENT)


def test_what_is_stored_is_compared_with_the_pair_in_use(
    one: Bench, secret: CredentialContext, org: OrgSecrets
) -> None:
    said = "The current version is the consumer key and secret that Billing uses."
    assert check_stored(secret) == said
    org.pairs = Pairs(SECOND)
    with pytest.raises(OrgError, match="uses another consumer key and secret than the current version") as caught:
        check_stored(secret)
    assert "`rotator adopt billing`" in caught.value.hint
    org.pairs = Pairs(USED)
    store(one, secret, current=USED, previous=THIRD)
    del one.store.versions[THIRD.fingerprint]
    with pytest.raises(StoreError):
        check_stored(secret)


def test_a_key_pair_has_no_secrets(one: Bench) -> None:
    with pytest.raises(ValueError, match="billing is no client secret"):
        its_secrets(one.credential_context)


def test_who_revoked_it_only_has_it_read(secret: CredentialContext) -> None:
    def fail(_version: Any) -> LoginAnswer:
        raise AssertionError("nobody is to log in")

    assert check_pairs(revoked(replace(secret, prove=fail)), MOMENT).endswith("It was revoked.")
