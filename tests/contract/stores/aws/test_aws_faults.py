"""What the AWS store says when AWS says no, is busy, or holds something else than it left there."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Stages
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.aws.policy import Ground, for_rotator
from rotator.stores.aws.store import NewSecrets
from rotator.testing.stores import stored_current
from rotator.testing.versions import make_version
from tests.contract.servers.strict_aws import REGION
from tests.tiers import thorough

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import Version
    from rotator.stores.aws.store import AwsStore
    from tests.contract.stores.aws.stores import AwsGround

NAME = "billing"
ACTIONS = [
    "secretsmanager:CreateSecret",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
]


def refusal(act: Callable[[], object]) -> StoreError:
    with pytest.raises(StoreError) as refused:
        act()
    assert refused.value.advice
    assert refused.value.effect
    return refused.value


def by_hand(aws: AwsGround, action: str, **parameters: Any) -> None:
    aws.layer.ask(action, SecretId=aws.prefix + NAME, **parameters)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_that_is_not_allowed_is_named_with_the_statement_that_would_allow_it(
    aws: AwsGround, action: str
) -> None:
    aws.layer.faults.denied = frozenset({action})
    error = refusal(aws.store().check)
    assert f"does not allow {action} on the secret {aws.prefix}rotator+check" in error.message
    statement = json.loads(error.hint.partition("statement: ")[2].partition(" The whole policy")[0])
    assert statement["Action"] == [action]
    assert statement["Resource"] == f"arn:aws:secretsmanager:{REGION}:*:secret:{aws.prefix}*"
    assert not isinstance(error, StoreUnavailable)
    assert aws.time.slept == []


@thorough
def test_access_lost_at_any_call_of_a_rotation_costs_nothing_and_the_next_run_finishes(aws: AwsGround) -> None:
    first, second = make_version(NAME), make_version(NAME)
    refusals: list[str | None] = []
    while None not in refusals:
        aws.prefix = f"{aws.prefix}x"
        store = aws.store()
        store.put_pending(first)
        store.promote(NAME, first.fingerprint, replaces=None)
        aws.actions()
        aws.layer.faults.denied_after = len(refusals)
        refusals.append(refusal_of(partial(rotate_on, store, first, second)))
        aws.layer.faults.denied_after = None
        assert store.stages(NAME).current in {first.fingerprint, second.fingerprint}
        rotate_on(store, first, second)
        assert store.stages(NAME) == Stages(current=second.fingerprint)
    assert len(refusals) > 10
    assert all("does not allow secretsmanager:" in refusal for refusal in refusals if refusal)


def refusal_of(act: Callable[[], None]) -> str | None:
    try:
        act()
    except StoreError as error:
        return error.message
    return None


def rotate_on(store: AwsStore, first: Version, second: Version) -> None:
    """What the next run does: it looks, and goes on from there."""
    if store.stages(NAME).current == first.fingerprint:
        store.put_pending(second)
    store.promote(NAME, second.fingerprint, replaces=first.fingerprint)
    store.retire(NAME, first.fingerprint)


def test_the_least_policy_has_no_action_too_many(aws: AwsGround) -> None:
    whole = for_rotator(Ground(prefix=aws.prefix, region=REGION))
    for action in whole["Statement"][0]["Action"]:
        less = json.loads(json.dumps(whole))
        less["Statement"][0]["Action"].remove(action)
        aws.prefix = f"{aws.prefix}x"
        aws.layer.faults.policy = less
        assert action in refusal(aws.store().check).message


def test_a_key_that_may_not_be_used_is_named_as_one(aws: AwsGround) -> None:
    aws.layer.faults.errors["CreateSecret"] = "EncryptionFailure"
    error = refusal(aws.store().check)
    assert "KMS key" in error.message
    assert "kms:GenerateDataKey" in error.hint


def test_a_key_that_cannot_be_used_just_now_is_to_be_looked_at(aws: AwsGround) -> None:
    aws.layer.faults.errors["PutSecretValue"] = "EncryptionFailure"
    assert "enabled" in refusal(aws.store().check).hint


@pytest.mark.parametrize(
    "words",
    [
        "Access to KMS is not allowed",
        "User: arn:aws:iam::123456789012:user/app is not authorized to perform: kms:Decrypt on resource: *",
    ],
)
def test_the_key_is_named_where_aws_speaks_of_it(aws: AwsGround, words: str) -> None:
    aws.layer.faults.errors["DescribeSecret"] = "AccessDeniedException"
    aws.layer.faults.words = words
    assert "may not use the KMS key" in refusal(aws.store().check).message


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("because no identity-based policy allows the secretsmanager:DescribeSecret action", "Allow it with"),
        (
            "because no VPC endpoint policy allows the secretsmanager:DescribeSecret action",
            "That policy is to allow it",
        ),
        ("with an explicit deny in a service control policy", "That policy is not to deny it"),
        ("with an explicit deny in a resource-based policy", "That policy is not to deny it"),
    ],
)
def test_the_policy_that_stands_in_the_way_is_named(aws: AwsGround, reason: str, hint: str) -> None:
    """The sentences of the IAM User Guide, "Troubleshoot access denied error messages"."""
    user = "User: arn:aws:sts::123456789012:assumed-role/kms-admins/rotator"
    aws.layer.faults.errors["DescribeSecret"] = "AccessDeniedException"
    aws.layer.faults.words = (
        f"{user} is not authorized to perform: secretsmanager:DescribeSecret on resource: x {reason}"
    )
    error = refusal(aws.store().check)
    assert f"secretsmanager:DescribeSecret on the secret {aws.prefix}rotator+check, {reason}." in error.message
    assert error.hint.startswith(hint)
    assert "KMS" not in error.message


def test_a_quota_of_aws_is_told_as_one(aws: AwsGround) -> None:
    aws.layer.faults.errors["PutSecretValue"] = "LimitExceededException"
    error = refusal(aws.store().check)
    assert "LimitExceededException" in error.message
    assert "quota" in error.hint


def test_a_secret_is_made_only_where_the_store_may(aws: AwsGround) -> None:
    store, version = aws.store(NewSecrets(create=False)), make_version(NAME)
    error = refusal(lambda: store.put_pending(version))
    assert "create: false" in error.message
    assert f"aws secretsmanager create-secret --name {aws.prefix}{NAME}" in error.hint
    assert "CreateSecret" not in aws.actions()


def test_a_secret_that_a_person_made_empty_is_filled(aws: AwsGround) -> None:
    aws.layer.ask("CreateSecret", Name=aws.prefix + NAME)
    aws.layer.ask("CreateSecret", Name=aws.prefix + "rotator+check")
    store, version = aws.store(NewSecrets(create=False)), make_version(NAME)
    store.check()
    assert store.stages(NAME) == Stages()
    store.put_pending(version)
    assert store.stages(NAME) == Stages(pending=version.fingerprint)
    store.promote(NAME, version.fingerprint, replaces=None)
    assert store.stages(NAME) == Stages(current=version.fingerprint)
    assert "CreateSecret" not in aws.actions()


def test_a_new_secret_has_the_key_and_the_tags_of_the_configuration(aws: AwsGround) -> None:
    store = aws.configured(kms_key="alias/rotator", tags={"team": "crm"})
    store.put_pending(make_version(NAME))
    made = aws.layer.ask("DescribeSecret", SecretId=aws.prefix + NAME)
    assert (made["KmsKeyId"], made["Tags"]) == ("alias/rotator", [{"Key": "team", "Value": "crm"}])


def test_consumers_of_a_credential_without_a_current_version_read_no_key(aws: AwsGround) -> None:
    aws.store().put_pending(make_version(NAME))
    assert "key" not in json.loads(aws.layer.value(aws.prefix + NAME, "AWSCURRENT"))


def test_a_secret_that_is_scheduled_for_deletion_is_told_with_the_way_back(aws: AwsGround) -> None:
    store = aws.store()
    stored_current(store)
    by_hand(aws, "DeleteSecret", RecoveryWindowInDays=7)
    for act in (lambda: store.stages(NAME), lambda: store.put_pending(make_version(NAME))):
        error = refusal(act)
        assert "scheduled for deletion" in error.message
        assert "restore-secret" in error.hint
    by_hand(aws, "RestoreSecret")
    assert store.stages(NAME).current


def test_a_secret_that_aws_rotates_by_itself_is_told_with_the_way_out(aws: AwsGround) -> None:
    store = aws.store()
    stored_current(store)
    by_hand(aws, "RotateSecret", RotationRules={"AutomaticallyAfterDays": 30})
    error = refusal(lambda: store.put_pending(make_version(NAME)))
    assert "AWS rotates the secret" in error.message
    assert "cancel-rotate-secret" in error.hint


@pytest.mark.parametrize("label", ["AWSCURRENT", "AWSPENDING"])
def test_a_version_that_somebody_else_wrote_is_told_with_the_way_back(aws: AwsGround, label: str) -> None:
    store = aws.store()
    current = stored_current(store)
    foreign = "0b7c2f8e-1111-4222-8333-444455556666"
    by_hand(aws, "PutSecretValue", ClientRequestToken=foreign, SecretString="by hand", VersionStages=[label])
    error = refusal(lambda: store.stages(NAME))
    assert f"{label} of the secret {aws.prefix}{NAME} is on the version {foreign}" in error.message
    assert "a short text that is no key, as a placeholder is" in error.message
    assert ("A rotation of another program" in error.message) is (label == "AWSPENDING")
    assert f"--version-stage {label} --remove-from-version-id {foreign}" in error.hint
    target = {"MoveToVersionId": current.fingerprint} if label == "AWSCURRENT" else {}
    by_hand(aws, "UpdateSecretVersionStage", VersionStage=label, RemoveFromVersionId=foreign, **target)
    if label == "AWSCURRENT":
        assert "AWSPREVIOUS" in refusal(lambda: store.stages(NAME)).message
        by_hand(aws, "UpdateSecretVersionStage", VersionStage="AWSPREVIOUS", RemoveFromVersionId=foreign)
    assert store.stages(NAME) == Stages(current=current.fingerprint)


def test_a_pending_label_that_stays_on_the_current_version_says_nothing(aws: AwsGround) -> None:
    store = aws.store()
    current = stored_current(store)
    by_hand(aws, "UpdateSecretVersionStage", VersionStage="AWSPENDING", MoveToVersionId=current.fingerprint)
    assert store.stages(NAME) == Stages(current=current.fingerprint)
    new = make_version(NAME)
    store.put_pending(new)
    assert store.stages(NAME) == Stages(pending=new.fingerprint, current=current.fingerprint)


def test_sweeping_takes_a_pending_label_from_the_current_version(aws: AwsGround) -> None:
    store = aws.store()
    current = stored_current(store)
    by_hand(aws, "UpdateSecretVersionStage", VersionStage="AWSPENDING", MoveToVersionId=current.fingerprint)
    assert (store.sweep(NAME), store.sweep(NAME)) == (1, 0)
    assert set(aws.labels(NAME)) == {"AWSCURRENT"}


def test_a_version_that_was_retired_is_stored_again_under_its_own_id(aws: AwsGround) -> None:
    store, version = aws.store(), make_version(NAME)
    store.put_pending(version)
    store.discard(NAME, version.fingerprint)
    aws.actions()
    store.put_pending(version)
    assert store.read(NAME, version.fingerprint) == version
    assert "PutSecretValue" not in aws.actions()


def test_a_version_that_holds_something_else_is_not_taken_for_ours(aws: AwsGround) -> None:
    store, version = aws.store(), make_version(NAME)
    stored_current(store)
    by_hand(aws, "PutSecretValue", ClientRequestToken=version.fingerprint, SecretString="{}", VersionStages=["OTHER"])
    assert "has another version" in refusal(lambda: store.put_pending(version)).message
    by_hand(aws, "UpdateSecretVersionStage", VersionStage="AWSPENDING", MoveToVersionId=version.fingerprint)
    assert "is damaged" in refusal(lambda: store.read(NAME, version.fingerprint)).message


def test_a_version_of_another_credential_is_not_taken_for_this_one(aws: AwsGround) -> None:
    store, version = aws.store(), make_version("payroll")
    stored_current(store)
    document = version.to_document().reveal()
    by_hand(
        aws,
        "PutSecretValue",
        ClientRequestToken=version.fingerprint,
        SecretString=document,
        VersionStages=["AWSPENDING"],
    )
    assert "of payroll" in refusal(lambda: store.read(NAME, version.fingerprint)).message


def test_a_document_that_aws_would_not_take_is_refused_before_it_is_sent(aws: AwsGround) -> None:
    version = replace(make_version(NAME), username="u" * 65_536)
    assert "AWS takes 65536" in refusal(lambda: aws.store().put_pending(version)).message
    assert aws.actions() == []


@pytest.mark.parametrize("name", ["../payroll", "pay roll", "rotator+check", "", "-x"])
def test_a_name_that_would_lead_to_another_secret_is_refused(aws: AwsGround, name: str) -> None:
    assert "cannot be the name" in refusal(lambda: aws.store().stages(name)).message
    assert aws.actions() == []


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServiceError", "ServiceUnavailable"])
def test_aws_that_stays_busy_is_waited_for_half_a_minute_and_no_longer(aws: AwsGround, code: str) -> None:
    aws.layer.faults.errors["DescribeSecret"] = code
    with pytest.raises(StoreUnavailable, match=code):
        aws.store().stages(NAME)
    assert 20 < sum(aws.time.slept) <= 30
    assert max(aws.time.slept) <= 5


def test_aws_that_never_shows_what_it_took_is_told_as_such(aws: AwsGround) -> None:
    store = aws.store()
    current, new = stored_current(store), make_version(NAME)
    aws.layer.faults.stale_reads = 1000
    with pytest.raises(StoreUnavailable, match="does not show it yet"):
        store.put_pending(new)
    aws.layer.clear()
    store.put_pending(new)
    assert store.stages(NAME) == Stages(pending=new.fingerprint, current=current.fingerprint)


def test_an_address_where_nobody_answers_is_a_store_that_is_away(aws: AwsGround) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be used just now: nothing answers there"):
        aws.configured(endpoint_url="http://127.0.0.1:9").stages(NAME)


def test_a_proxy_that_answers_in_place_of_aws_is_not_taken_for_an_empty_secret(aws: AwsGround) -> None:
    aws.layer.faults.garbled = True
    with pytest.raises(StoreUnavailable, match="cannot be used just now: what answers there is not AWS"):
        aws.store().stages(NAME)


def test_an_answer_that_nothing_explains_is_told_with_its_code(aws: AwsGround) -> None:
    aws.layer.faults.errors["GetSecretValue"] = "InvalidParameterException"
    store = aws.store()
    error = refusal(lambda: store.put_pending(make_version(NAME)))
    assert "InvalidParameterException: GetSecretValue fails by order" in error.message


def test_what_aws_says_to_a_call_with_a_secret_is_not_repeated(aws: AwsGround) -> None:
    aws.layer.faults.errors["PutSecretValue"] = "LimitExceededException"
    error = refusal(aws.store().check)
    assert "(LimitExceededException)" in error.message
    assert "by order" not in str(error)


def test_the_check_uses_one_secret_however_often_it_runs(aws: AwsGround) -> None:
    store = aws.store()
    for _ in range(2):
        store.check()
    assert aws.actions().count("CreateSecret") == 1
    assert set(aws.labels("rotator+check")) == {"AWSCURRENT"}
