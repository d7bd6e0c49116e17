"""A consumer is one address away from a login, whichever store its credential is in, with the policy of a consumer."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError

from rotator import consumer
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.errors import LoginRefused, StoreError, StoreUnavailable
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import SimulatorServer
from rotator.stores.aws.policy import Ground, for_consumers
from rotator.stores.files.store import FilesStore
from rotator.stores.vault.policy import PENDING, consumer_policy, stanza
from rotator.testing.versions import make_version, spare_key
from tests.contract.consumer.billing import NAME, USER, billing_version
from tests.contract.servers.strict_aws import REGION
from tests.contract.servers.vault import closing
from tests.contract.stores.vault.stores import approle, new_folder, opened
from tests.tiers import first_standard
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rotator.consumer import DualKeyLogin
    from rotator.core.credentials import KeyVersion
    from rotator.stores.base import Store
    from tests.contract.servers.vault import VaultProcess
    from tests.contract.stores.aws.stores import AwsGround

YEAR: Final = timedelta(days=365)
STAGE: Final = "secretsmanager:VersionStage"


class LogIn(Protocol):
    """Makes the login of a consumer, by a clock that goes on only while it sleeps."""

    def __call__(self, kept: Kept, patience: float = 0.0) -> DualKeyLogin: ...


@dataclass
class Kept:
    """A store that has a credential, and how its consumer comes to it."""

    store: Store
    place: str
    consumer: Callable[[bool], AbstractContextManager[object]]
    """Within it the consumer's policy holds; it allows `pending` or does not."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    seeded = Random(1)
    with SimulatorServer([Org("production", clock=lambda: datetime.now(UTC), random=seeded)]) as server:
        org = server.org("production")
        org.add_user(USER)
        org.add_app("Billing", username=USER)
        yield server


@pytest.fixture
def org(simulator: SimulatorServer) -> Org:
    return simulator.org("production")


@pytest.fixture
def in_files(tmp_path: Path) -> Kept:
    return Kept(FilesStore("keys", tmp_path), f"files:{tmp_path}#{NAME}", lambda _pending: nullcontext())


@pytest.fixture
def in_vault(sealed_vault: VaultProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    folder = new_folder()
    pending = stanza(f"kv/data/{folder}/{NAME}/{PENDING}", ("read",))
    policies = {False: consumer_policy("kv", folder, NAME)}
    policies[True] = f"{policies[False]}\n{pending}"
    role = approle(sealed_vault, f"{folder}/consumer", policies[True])["approle"]
    monkeypatch.setenv("VAULT_ADDR", sealed_vault.address)
    monkeypatch.setenv("VAULT_SECRET_ID", (sealed_vault.folder / role["secret_id"]["file"]).read_text())

    @contextmanager
    def limited(sees_pending: bool) -> Iterator[None]:
        with closing(sealed_vault.admin()) as admin:
            admin.sys.create_or_update_policy(f"{folder}/consumer".replace("/", "-"), policies[sees_pending])
        yield

    with opened(sealed_vault, path=folder) as store:
        yield Kept(store, f"vault:kv/{folder}/{NAME}?approle={role['role_id']}&ca={sealed_vault.ca}", limited)


@pytest.fixture
def in_aws(aws: AwsGround) -> Kept:
    @contextmanager
    def limited(sees_pending: bool) -> Iterator[None]:
        policy = for_consumers(Ground(prefix=aws.prefix, region=REGION), NAME)
        if not sees_pending:
            policy["Statement"][0]["Condition"]["ForAnyValue:StringEquals"][STAGE].remove("AWSPENDING")
        aws.layer.faults.policy = policy
        yield
        aws.layer.faults.policy = None

    place = f"aws:{aws.prefix}{NAME}?region={REGION}&endpoint_url={aws.server.url}"
    return Kept(aws.store(), place, limited)


@pytest.fixture(params=["in_files", "in_vault", "in_aws"])
def kept(request: pytest.FixtureRequest) -> Kept:
    found: Kept = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def log_in(simulator: SimulatorServer) -> LogIn:
    def begin(kept: Kept, patience: float = 0.0) -> DualKeyLogin:
        time = VirtualTime()
        return consumer.login(kept.place, ca=simulator.ca_file, waiting=time.waiting(patience))

    return begin


def store_next(kept: Kept, org: Org, index: int) -> KeyVersion:
    """A new pending version with a key of its own."""
    version = billing_version(org, index)
    kept.store.put_pending(version)
    return version


def rotated(kept: Kept, org: Org, count: int) -> list[KeyVersion]:
    """So many versions, each promoted over the one before; the last one's certificate is live."""
    versions: list[KeyVersion] = []
    for index in range(count):
        version = store_next(kept, org, index)
        replaces = versions[-1].fingerprint if versions else None
        kept.store.promote(NAME, version.fingerprint, replaces=replaces)
        versions.append(version)
    org.put_certificate("Billing", versions[-1].certificate)
    return versions


def test_a_consumer_logs_in_with_the_current_version_and_after_a_rotation_with_the_next(
    kept: Kept, org: Org, log_in: LogIn
) -> None:
    (first,) = rotated(kept, org, 1)
    login = log_in(kept)
    with kept.consumer(False):
        assert login.token().instance_url == org.url
    second = store_next(kept, org, 1)
    kept.store.promote(NAME, second.fingerprint, replaces=first.fingerprint)
    org.put_certificate("Billing", second.certificate)
    with kept.consumer(False):
        assert login.token().access_token.reveal()


def test_a_consumer_that_may_read_pending_sees_no_failed_login_while_it_is_live_already(
    kept: Kept, org: Org, log_in: LogIn
) -> None:
    rotated(kept, org, 1)
    org.put_certificate("Billing", store_next(kept, org, 1).certificate)
    with kept.consumer(True):
        assert log_in(kept).token().access_token.reveal()


def test_a_consumer_tries_the_previous_version_and_passes_over_a_pending_one_that_it_may_not_read(
    kept: Kept, org: Org, log_in: LogIn
) -> None:
    first, _second = rotated(kept, org, 2)
    store_next(kept, org, 2)
    org.put_certificate("Billing", first.certificate)
    with kept.consumer(False):
        assert log_in(kept).token().access_token.reveal()


def test_a_consumer_whose_every_key_is_refused_says_so(kept: Kept, org: Org, log_in: LogIn) -> None:
    rotated(kept, org, 1)
    org.put_certificate("Billing", self_signed(spare_key(5), SubjectName("x"), now=datetime.now(UTC), lifetime=YEAR))
    with kept.consumer(True), pytest.raises(LoginRefused):
        log_in(kept).token()


def test_a_consumer_of_a_credential_that_is_not_stored_says_so(kept: Kept, log_in: LogIn) -> None:
    with kept.consumer(True), pytest.raises(StoreError, match="holds no version"):
        log_in(kept).token()


def test_a_consumer_does_not_take_what_a_new_secret_begins_with_for_a_key(
    in_aws: Kept, org: Org, log_in: LogIn
) -> None:
    org.put_certificate("Billing", store_next(in_aws, org, 0).certificate)
    with in_aws.consumer(True):
        assert log_in(in_aws).token().access_token.reveal()
    with in_aws.consumer(False), pytest.raises(StoreError, match="holds no version"):
        log_in(in_aws).token()


def test_a_login_that_succeeds_at_once_costs_one_call_to_aws(
    in_aws: Kept, aws: AwsGround, org: Org, log_in: LogIn
) -> None:
    rotated(in_aws, org, 2)
    login = log_in(in_aws)
    aws.actions()
    for _ in range(2):
        login.token()
    assert aws.actions() == ["GetSecretValue", "GetSecretValue"]


def test_a_consumer_that_may_not_read_the_secret_is_told_what_would_allow_it(
    in_aws: Kept, aws: AwsGround, org: Org, log_in: LogIn
) -> None:
    rotated(in_aws, org, 1)
    aws.layer.faults.denied = frozenset({"secretsmanager:GetSecretValue"})
    with pytest.raises(StoreError, match="does not allow secretsmanager:GetSecretValue") as refused:
        log_in(in_aws).token()
    assert f"secret:{aws.prefix}{NAME}" in refused.value.hint


def test_a_consumer_waits_for_aws_while_its_patience_lasts(
    in_aws: Kept, aws: AwsGround, org: Org, simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # botocore would pause by the clock of the machine, and beside the consumer's own patience.
    by_botocore, time = VirtualTime(), VirtualTime()
    monkeypatch.setattr("botocore.endpoint.time", by_botocore)
    rotated(in_aws, org, 1)
    by_botocore.slept.clear()
    aws.layer.faults.throttle_every = 1
    with pytest.raises(StoreUnavailable, match="ThrottlingException"):
        consumer.login(in_aws.place, ca=simulator.ca_file, waiting=time.waiting(5.0)).token()
    assert time.slept
    assert not by_botocore.slept


def test_a_consumer_may_know_its_secret_by_the_arn(aws: AwsGround, in_aws: Kept, org: Org, log_in: LogIn) -> None:
    rotated(in_aws, org, 1)
    arn = aws.layer.ask("DescribeSecret", SecretId=aws.prefix + NAME)["ARN"]
    place = f"aws:{arn}?endpoint_url={aws.server.url}"
    assert log_in(Kept(in_aws.store, place, in_aws.consumer)).token().access_token.reveal()


@pytest.mark.parametrize("denied", [False, True])
def test_a_part_of_an_arn_is_told_as_that(
    aws: AwsGround, in_aws: Kept, org: Org, log_in: LogIn, *, denied: bool
) -> None:
    rotated(in_aws, org, 1)
    arn = aws.layer.ask("DescribeSecret", SecretId=aws.prefix + NAME)["ARN"]
    if denied:
        aws.layer.faults.denied = frozenset({"secretsmanager:GetSecretValue"})
    place = f"aws:{arn[:-7]}-x?endpoint_url={aws.server.url}"
    with pytest.raises(StoreError, match="which is not a whole ARN") as refused:
        log_in(Kept(in_aws.store, place, in_aws.consumer)).token()
    assert "a hyphen and six letters or digits" in refused.value.hint


def test_the_printed_policy_allows_the_call_that_names_no_stage_and_not_a_version_that_was_retired(
    aws: AwsGround, in_aws: Kept, org: Org
) -> None:
    old, new = rotated(in_aws, org, 2)
    client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws.server.url)
    read = partial(client.get_secret_value, SecretId=aws.prefix + NAME)
    in_aws.store.retire(NAME, old.fingerprint)
    with in_aws.consumer(True):
        assert read()["VersionId"] == new.fingerprint
        assert read(VersionStage="AWSCURRENT")["VersionId"] == new.fingerprint
        with pytest.raises(ClientError, match="AccessDenied"):
            read(VersionId=old.fingerprint)
    client.close()


def test_a_version_under_the_name_of_another_is_not_used(aws: AwsGround, in_aws: Kept, org: Org, log_in: LogIn) -> None:
    (version,) = rotated(in_aws, org, 1)
    other, document = "f" * 64, version.to_document().reveal()
    secret = aws.prefix + NAME
    aws.layer.ask(
        "PutSecretValue",
        SecretId=secret,
        ClientRequestToken=other,
        SecretString=document,
        VersionStages=["AWSPENDING"],
    )
    aws.layer.ask(
        "UpdateSecretVersionStage",
        SecretId=secret,
        VersionStage="AWSCURRENT",
        MoveToVersionId=other,
        RemoveFromVersionId=version.fingerprint,
    )
    with pytest.raises(StoreError, match="holds"):
        log_in(in_aws).token()


@pytest.mark.parametrize(
    ("kept", "foreign"),
    first_standard([("in_vault", "boto3 botocore"), ("in_files", "boto3 hvac"), ("in_aws", "hvac")]),
    indirect=["kept"],
)
def test_a_consumer_loads_the_library_of_its_own_store_only(
    kept: Kept, foreign: str, org: Org, simulator: SimulatorServer
) -> None:
    rotated(kept, org, 1)
    never = "zeep lxml simple_salesforce sqlalchemy rich pydantic tenacity click"
    program = (
        "import sys, pathlib, rotator.consumer\n"
        f"rotator.consumer.login({kept.place!r}, ca=pathlib.Path({str(simulator.ca_file)!r})).token()\n"
        f"print([name for name in {f'{never} {foreign}'.split()} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (loaded.stdout, loaded.stderr) == ("[]\n", "")


def test_what_a_consumer_says_in_aws_is_read_from_the_tags_of_the_secret(aws: AwsGround) -> None:
    store, place = aws.store(), f"aws:{aws.prefix}{NAME}?region={REGION}&endpoint_url={aws.server.url}"
    version = make_version(NAME)
    store.put_pending(version)
    store.promote(NAME, version.fingerprint, replaces=None)
    assert store.reports(NAME, ["batch"]) == []
    consumer.reporter("batch", place, NAME).logged_in(version)
    [report] = store.reports(NAME, ["batch", "web"])
    assert (report.consumer, report.fingerprint) == ("batch", version.fingerprint)
    assert store.stages(NAME).current == version.fingerprint
    assert store.reports("nothing", ["batch"]) == []
