"""As whom AWS is called, and that nothing of a key is left in any log."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.errors import StoreError, StoreUnavailable
from rotator.simulator.serving.authority import CertificateAuthority
from rotator.stores.aws.access import unlogged
from rotator.testing.stores import stored_current
from rotator.testing.versions import make_version
from tests.contract.planted import betrayals, logging_everything, whole
from tests.contract.servers.strict_aws import REGION, strict_aws
from tests.contract.stores.aws.stores import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.stores.aws.stores import AwsGround

NAME = "billing"
ROLE = "arn:aws:iam::123456789012:role/rotator"


def test_a_role_is_assumed_once_and_again_before_its_session_ends(aws: AwsGround) -> None:
    aws.time.moment = datetime.now(UTC)
    store = aws.configured(role=ROLE, external_id="a-secret-between-accounts")
    for _ in range(2):
        store.stages(NAME)
    assert aws.actions().count("sts:AssumeRole") == 1
    aws.time.moment += timedelta(minutes=56)
    store.stages(NAME)
    assert aws.actions().count("sts:AssumeRole") == 1


def test_a_role_is_assumed_by_ones_own_key_and_calls_are_made_with_its_session(aws: AwsGround) -> None:
    aws.configured(role=ROLE, external_id="agreed-between-accounts").stages(NAME)
    assuming, describing = aws.layer.asked
    assert (assuming.action, assuming.key_id) == ("sts:AssumeRole", ENVIRONMENT["AWS_ACCESS_KEY_ID"])
    assert assuming.parameters["RoleArn"] == ROLE
    assert assuming.parameters["ExternalId"] == "agreed-between-accounts"
    assert (describing.action, describing.region) == ("DescribeSecret", REGION)
    assert describing.key_id != assuming.key_id
    assert describing.session
    assert not assuming.session


def test_a_profile_says_as_whom_and_in_which_region(
    aws: AwsGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    keys = "aws_access_key_id = key-of-crm\naws_secret_access_key = secret-of-crm"
    file.write_text(f"[profile crm]\nregion = eu-west-1\n{keys}\n")
    file.chmod(0o600)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    aws.configured(profile="crm", region=None).stages(NAME)
    aws.configured(profile="crm").stages(NAME)
    assert [(asked.key_id, asked.region) for asked in aws.layer.asked] == [
        ("key-of-crm", "eu-west-1"),
        ("key-of-crm", REGION),
    ]


def test_an_authority_of_ones_own_is_believed_where_the_store_names_it(aws: AwsGround, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority, ca = CertificateAuthority.create(now), tmp_path / "ca.pem"
    ca.write_text(authority.pem)
    with strict_aws(tls=authority.server_context(now)) as (layer, url):
        there = {"endpoint_url": url, "sts_endpoint_url": url}
        with pytest.raises(StoreError, match="a certificate that is not trusted") as refused:
            aws.configured(**there).stages(NAME)
        assert "Set `ca` of the store" in refused.value.hint
        aws.configured(**there, role=ROLE, ca=str(ca)).stages(NAME)
    assert layer.calls == ["sts:AssumeRole", "DescribeSecret"]


def test_a_role_that_may_not_be_assumed_is_named(aws: AwsGround) -> None:
    aws.layer.faults.denied = frozenset({"sts:AssumeRole"})
    with pytest.raises(StoreError, match=f"the role {ROLE} may not be assumed") as refused:
        aws.configured(role=ROLE).stages(NAME)
    assert f'"Resource": "{ROLE}"' in refused.value.hint


def test_a_role_of_aws_own_files_that_may_not_be_assumed_is_named(
    aws: AwsGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(f"[profile crm]\nrole_arn = {ROLE}-of-crm\ncredential_source = Environment\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.server.url)
    aws.layer.faults.denied = frozenset({"sts:AssumeRole"})
    with pytest.raises(StoreError, match=r"a role may not be assumed \(sts:AssumeRole: no\)") as refused:
        aws.configured(profile="crm").stages(NAME)
    assert "`role_arn` in ~/.aws/config" in refused.value.hint
    assert "secretsmanager" not in refused.value.message


def test_a_file_from_which_no_keys_come_is_not_judged(
    aws: AwsGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, unused = tmp_path / "config", tmp_path / "credentials"
    first = "[profile crm]\nrole_arn = {0}\nsource_profile = base\n"
    file.write_text(first.format(ROLE) + f"[profile base]\nrole_arn = {ROLE}\ncredential_source = Environment\n")
    unused.write_text("[other]\naws_access_key_id = of-another\naws_secret_access_key = of-another\n")
    unused.chmod(0o644)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(unused))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.server.url)
    aws.configured(profile="crm").stages(NAME)
    assert aws.layer.calls == ["sts:AssumeRole", "sts:AssumeRole", "DescribeSecret"]
    file.write_text(first.format(ROLE) + "[profile base]\nsource_profile = base\n")
    unused.write_text("[base]\naws_access_key_id = key-of-base\naws_secret_access_key = secret-of-base\n")
    with pytest.raises(StoreError, match="file of credentials"):
        aws.configured(profile="crm").stages(NAME)


@pytest.fixture
def pod(aws: AwsGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsGround:
    """A pod that takes on a role by the token of its service account."""
    (tmp_path / "token").write_text("token-of-a-pod")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.server.url)
    return aws


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidIdentityToken", "RegionDisabledException"])
def test_a_pod_whose_role_does_not_trust_its_token_is_told_so(pod: AwsGround, code: str) -> None:
    pod.layer.faults.errors["sts:AssumeRoleWithWebIdentity"] = code
    with pytest.raises(
        StoreError, match=r"a role may not be assumed \(sts:AssumeRoleWithWebIdentity: .*no\)"
    ) as refused:
        pod.configured().stages(NAME)
    assert "trust policy" in refused.value.hint
    assert "AWS_ROLE_ARN" in refused.value.hint
    assert "secret" not in refused.value.message


def test_a_pod_whose_token_has_ended_is_told_which_token(pod: AwsGround) -> None:
    pod.layer.faults.errors["sts:AssumeRoleWithWebIdentity"] = "ExpiredTokenException"
    with pytest.raises(StoreError, match="credentials that have ended") as refused:
        pod.configured().stages(NAME)
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in refused.value.hint


def test_an_issuer_of_tokens_that_is_away_is_waited_for(pod: AwsGround) -> None:
    pod.layer.faults.errors["sts:AssumeRoleWithWebIdentity"] = "IDPCommunicationError"
    with pytest.raises(StoreUnavailable, match="IDPCommunicationError"):
        pod.configured().stages(NAME)


def test_credentials_that_end_half_way_are_asked_for_again(aws: AwsGround) -> None:
    store = aws.configured(role=ROLE)
    current = stored_current(store)
    aws.actions()
    aws.layer.faults.once = [("GetSecretValue", "ExpiredTokenException")]
    assert store.read(NAME, current.fingerprint) == current
    assert "sts:AssumeRole" in aws.actions()


def test_credentials_that_have_ended_for_good_are_told_with_what_to_do(aws: AwsGround) -> None:
    aws.layer.faults.errors["DescribeSecret"] = "ExpiredTokenException"
    with pytest.raises(StoreError, match="credentials that have ended") as refused:
        aws.configured().stages(NAME)
    assert "aws sso login" in refused.value.hint


def test_credentials_that_aws_does_not_know_are_told_as_such(aws: AwsGround) -> None:
    aws.layer.faults.errors["DescribeSecret"] = "UnrecognizedClientException"
    with pytest.raises(StoreError, match="does not know these credentials"):
        aws.store().stages(NAME)


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_keys_in_a_file_that_others_can_read_are_not_used(
    aws: AwsGround, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    file = tmp_path / "keys"
    section = "profile crm" if variable == "AWS_CONFIG_FILE" else "crm"
    file.write_text(f"[{section}]\naws_access_key_id = key-of-crm\naws_secret_access_key = secret-of-crm\n")
    file.chmod(0o640)
    monkeypatch.setenv(variable, str(file))
    with pytest.raises(StoreError, match=r"file of credentials .* can be read by others \(mode 0640\)") as refused:
        aws.configured(profile="crm").stages(NAME)
    assert "chmod 600" in refused.value.hint
    assert "secret-of-crm" not in str(refused.value)
    file.chmod(0o600)
    aws.configured(profile="crm").stages(NAME)


def test_without_credentials_it_says_where_they_are_looked_for(aws: AwsGround, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreError, match=r"cannot be called: .*credentials") as refused:
        aws.configured().stages(NAME)
    assert "AWS_REGION" in refused.value.hint


def test_without_a_region_it_says_so(aws: AwsGround) -> None:
    with pytest.raises(StoreError, match="region"):
        aws.configured(region=None).stages(NAME)


def test_a_profile_that_there_is_not_is_named(aws: AwsGround) -> None:
    with pytest.raises(StoreError, match="nobody"):
        aws.configured(profile="nobody").stages(NAME)


def test_an_address_in_aws_own_variables_that_is_none_is_told(aws: AwsGround, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    with pytest.raises(StoreError, match=r"cannot be called: .*: nowhere") as refused:
        aws.configured(endpoint_url=None).stages(NAME)
    assert "AWS_ENDPOINT_URL" in refused.value.hint


def test_aws_own_library_tries_again_as_often_as_it_is_told(aws: AwsGround) -> None:
    aws.layer.faults.once = [("DescribeSecret", "ThrottlingException")]
    aws.configured(attempts=2).stages(NAME)
    assert aws.actions() == ["DescribeSecret", "DescribeSecret"]
    assert aws.time.slept == []


def test_no_byte_of_a_key_is_logged_whatever_is_logged(aws: AwsGround) -> None:
    aws.layer.faults.throttle_every = 3
    aws.layer.faults.lose_every = 3
    with logging_everything() as logged:
        store = aws.configured()
        current = stored_current(store)
        pending = make_version(NAME)
        store.put_pending(pending)
        assert store.read(NAME, current.fingerprint) == current
    everything = "\n".join(logged.lines)
    assert "botocore" in everything
    for version in (current, pending):
        assert betrayals(everything, version.private_key) == []


@pytest.mark.parametrize("code", ["InternalServiceError", "LimitExceededException", "AccessDeniedException"])
def test_no_error_of_a_call_with_a_key_holds_any_of_it(aws: AwsGround, code: str) -> None:
    version = make_version(NAME)
    store = aws.store()
    store.put_pending(version)
    store.discard(NAME, version.fingerprint)
    aws.layer.faults.errors["PutSecretValue"] = code
    another = make_version(NAME)
    with pytest.raises(StoreError) as refused:
        store.put_pending(another)
    assert betrayals(whole(refused.value), another.private_key) == []


def test_no_error_of_a_connection_that_breaks_holds_the_request(aws: AwsGround) -> None:
    version, store = make_version(NAME), aws.store()
    aws.layer.faults.hang_up_on = "CreateSecret"
    with pytest.raises(StoreUnavailable) as refused:
        store.put_pending(version)
    assert refused.value.__context__ is None
    aws.layer.faults.hang_up_on = "PutSecretValue"
    with pytest.raises(StoreUnavailable) as refused:
        store.put_pending(version)
    assert betrayals(whole(refused.value), version.private_key) == []
    assert refused.value.__context__ is None


def test_other_parts_of_the_process_may_still_debug_their_own_calls(
    aws: AwsGround, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    aws.store().stages(NAME)
    logging.getLogger("botocore.endpoint").debug("a request of theirs")
    with unlogged():
        logging.getLogger("botocore.endpoint").debug("a request of ours")
        logging.getLogger("botocore.endpoint").warning("a warning")
    assert "of theirs" in caplog.text
    assert "a warning" in caplog.text
    assert "of ours" not in caplog.text
