"""What AWS and botocore say when they say no, as an error for a person."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError

from rotator.errors import NOTHING_CHANGED, StoreError, StoreUnavailable
from rotator.net.client import NO_SOCKS, USE_HTTP_PROXY
from rotator.plain_text import one_line
from rotator.stores.aws.policy import ASSUME_ROLE, statement_for
from rotator.stores.refusals import STAGES_WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.stores.aws.policy import Ground


_LATER: Final = frozenset(
    {
        "IDPCommunicationError",
        "InternalFailure",
        "InternalServiceError",
        "InternalServiceErrorException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_ENDED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CALLER: Final = frozenset(
    {
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized"})
_KEY_FAILED: Final = frozenset({"EncryptionFailure", "DecryptionFailure"})

STS: Final = "sts:"
_WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
_RENEWAL: Final = "Look at what renews the token in the file that AWS_WEB_IDENTITY_TOKEN_FILE names."

FAILURES: Final = (botocore.ClientError, botocore.BotoCoreError, ResponseParserError)
"""Whatever botocore raises when a call did not succeed."""

STUMBLES: Final = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What botocore raises over an answer of another shape than its model has."""

_NO_CREDENTIALS: Final = (
    botocore.CredentialRetrievalError,
    botocore.NoCredentialsError,
    botocore.NoRegionError,
    botocore.PartialCredentialsError,
    botocore.ProfileNotFound,
    botocore.ConfigNotFound,
    botocore.ConfigParseError,
    botocore.SSOError,
    botocore.TokenRetrievalError,
)
_NETWORK: Final = (botocore.ConnectionError, botocore.HTTPClientError, ResponseParserError)
_NETWORK_WORDS: Final = (
    (botocore.ProxyConnectionError, "the proxy lets nothing through"),
    ((botocore.ConnectTimeoutError, botocore.ReadTimeoutError), "it does not answer in time"),
    (botocore.EndpointConnectionError, "nothing answers there, or the connection broke"),
    (ResponseParserError, "what answers there is not AWS"),
    (botocore.ClientError, "it answers with a fault that has no name"),
)


class ProxyIsForSocks(botocore.BotoCoreError):
    """The environment names a proxy that cannot be used."""

    fmt = NO_SOCKS


class NoAuthorities(botocore.BotoCoreError):
    """The file of the authorities to trust is not there."""

    fmt = "the file of the authorities to trust cannot be read"


class FileUnusable(botocore.BotoCoreError):
    """A file or a program from which credentials come cannot be used."""

    fmt = "{file} cannot be used: {reason}"


class NotAllowed(StoreError):
    """No policy allows the call."""


@dataclass(frozen=True)
class Call:
    """Which call it was, for the error."""

    store: str
    region: str
    action: str
    """As IAM calls it, such as `secretsmanager:GetSecretValue`."""
    secret: str
    ground: Ground
    """For the statement that would allow it."""

    @property
    def where(self) -> str:
        """The store, for a person."""
        return f"The store {self.store!r} (AWS Secrets Manager, {self.region})"


def makes_no_sense(where: str, secret: str, why: str) -> StoreError:
    """The error for an answer that is none of Secrets Manager's."""
    return StoreError(
        f"{where} tells of the secret {secret} what makes no sense: {why}.",
        effect=NOTHING_CHANGED,
        hint="Check that nothing answers in AWS's place: `endpoint_url`, proxies.",
    )


def code_of(error: Exception) -> str:
    """AWS's name for what is wrong; empty when the answer did not come from AWS."""
    return one_line(str(_refusal(error).get("Code", "")), 100)


def _refusal(error: Exception) -> Mapping[str, object]:
    refusal = error.response.get("Error") if isinstance(error, botocore.ClientError) else None
    return refusal if isinstance(refusal, dict) else {}


def passes(error: Exception) -> bool:
    """Whether it may be gone in a while: too many calls, AWS's own faults, the network."""
    if isinstance(error, botocore.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _LATER or status == 429 or status >= 500
    return isinstance(error, _NETWORK) and not isinstance(error, botocore.SSLError)


def _in_words(error: Exception) -> str:
    """What the network did. What botocore says of it may hold an address with a password in it, or the answer."""
    return next((words for kind, words in _NETWORK_WORDS if isinstance(error, kind)), "the connection broke")


def has_ended(error: Exception) -> bool:
    """Whether the credentials in use have ended."""
    return code_of(error) in _ENDED


def explain(error: Exception, call: Call) -> StoreError:
    """The error for a person. AWS's own words are left out of calls that carry a secret: they may quote it."""
    if passes(error):
        return StoreUnavailable(
            f"{call.where} cannot be used just now: {code_of(error) or _in_words(error)}.",
            effect=STAGES_WHOLE,
            hint="If it lasts, look at the network and at AWS's quotas for Secrets Manager.",
            rerun="Run it again in a while.",
        )
    if isinstance(error, botocore.ClientError):
        return _answer(error, call)
    if isinstance(error, _NO_CREDENTIALS):
        return StoreError(
            f"{call.where} cannot be called: {error}.".replace("..", "."),
            effect=STAGES_WHOLE,
            hint="Set the store's `region` and `profile`, or AWS_REGION and credentials that AWS's own tools find.",
        )
    hint = next((hint for kind, hint in _MENDED_BY.items() if isinstance(error, kind)), "")
    if hint:
        return StoreError(f"{call.where} cannot be called: {error}.", effect=STAGES_WHOLE, hint=hint)
    if isinstance(error, botocore.SSLError):
        hint = "Set `ca` of the store to the authorities of whatever answers at its address."
        return StoreError(f"{call.where} shows a certificate that is not trusted.", effect=STAGES_WHOLE, hint=hint)
    hint = "Look at the settings of the store."
    return StoreError(f"{call.where} cannot be called: {type(error).__name__}.", effect=STAGES_WHOLE, hint=hint)


_MENDED_BY: Final = {
    botocore.InvalidEndpointConfigurationError: (
        "Set the store's `endpoint_url`, or correct AWS_ENDPOINT_URL and what ~/.aws/config says of it."
    ),
    ProxyIsForSocks: USE_HTTP_PROXY,
    NoAuthorities: "Check `ca` of the store, and AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE.",
    FileUnusable: (
        "Check what names it: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, or"
        " `credential_process` in ~/.aws/config."
    ),
}
"""What hinders every call, and says itself what it is."""


def _answer(error: botocore.ClientError, call: Call) -> StoreError:
    code, words = code_of(error), one_line(str(_refusal(error).get("Message", "")), _LONGEST_WORDS)
    if code in _DENIED:
        return _denied(call, words, by_key="access to kms" in words.lower() or "perform: kms:" in words)
    if code in _KEY_FAILED:
        return _denied(call, "", by_key=True)
    if code in _ENDED:
        what = f"{call.where} is called with credentials that have ended."
        by_token = call.action == _WEB_IDENTITY
        hint = _RENEWAL if by_token else "Log in to AWS again, such as with `aws sso login`."
        return StoreError(what, effect=STAGES_WHOLE, hint=hint, rerun="Then run it again.")
    if code in _UNKNOWN_CALLER:
        hint = "Try them with `aws sts get-caller-identity`; a clock that is wrong looks the same."
        return StoreError(f"{call.where} does not know these credentials ({code}).", effect=STAGES_WHOLE, hint=hint)
    if call.action.startswith(STS):
        return _not_assumed(call, f"{code}: {words}")
    quoted = "" if call.action in _CARRYING else f": {one_line(words, 300).rstrip('.')}"
    return StoreError(
        f"{call.where} says no to {call.action} on the secret {call.secret} ({code}{quoted}).",
        effect=STAGES_WHOLE,
        hint=_QUOTA if code == _LIMIT else "Look at the secret in AWS; `rotator check` tries what is needed.",
    )


_LONGEST_WORDS: Final = 1000
"""The ARNs of a caller and of a secret stand in it, and after them why."""
_LIMIT: Final = "LimitExceededException"
_QUOTA: Final = (
    "A quota of Secrets Manager is used up, such as the secrets of the region, or the versions, labels or tags of this"
    " secret (`aws secretsmanager list-secret-version-ids --include-deprecated`)."
)
_CARRYING: Final = frozenset({"secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"})


def _denied(call: Call, words: str, *, by_key: bool) -> NotAllowed:
    if call.action.startswith(STS):
        return _not_assumed(call, words)
    found = _WHICH_POLICY.search(words)
    reason = f", {found[0]}" if found else ""
    if by_key:
        message = (
            f"{call.where} may not use the KMS key of the secret {call.secret} for {call.action}"
            f" (kms:Decrypt, kms:GenerateDataKey){reason}."
        )
    else:
        message = f"{call.where} does not allow {call.action} on the secret {call.secret}{reason}."
    statement = json.dumps(statement_for(call.action, call.ground, by_key=by_key))
    if "explicit deny" in reason:
        hint = "That policy is not to deny it: no statement that allows it counts beside one that denies."
    elif reason and "identity-based" not in reason:
        hint = f"That policy is to allow it, too: {statement} No statement elsewhere takes its place."
    else:
        hint = f"Allow it with this statement: {statement} The whole policy: `rotator check --print-policy`."
    return NotAllowed(message, effect=STAGES_WHOLE, hint=f"{hint}{_KEY_STATE if by_key else ''}")


_WHICH_POLICY: Final = re.compile(
    r"with an explicit deny in an? [A-Za-z -]{3,40}|because no [A-Za-z -]{3,40} allows the \w+:\w+ action"
)
"""How AWS says which policy it was (IAM User Guide, "Troubleshoot access denied error messages")."""

_KEY_STATE: Final = " See also that the key is enabled: `aws kms describe-key`."
"""EncryptionFailure is said of a key that is not, too (API Reference, "Common Errors")."""


def _not_assumed(call: Call, words: str) -> NotAllowed:
    if call.action == ASSUME_ROLE and call.ground.role:
        role = f"the role {call.ground.role}"
        statement = json.dumps(statement_for(call.action, call.ground, by_key=False))
        hint = f"Allow it with this statement: {statement} The role's trust policy must name the caller as well."
    else:
        role = "a role"
        hint = (
            "It is the one that AWS's own settings name: AWS_ROLE_ARN, or `role_arn` in ~/.aws/config. Its trust policy"
            f" must allow {call.action} to the caller, or to the issuer and the subject of the token."
        )
    said = f"{call.action}: {words.rstrip('.')}" if words else call.action
    return NotAllowed(
        f"{call.where} cannot be called: {role} may not be assumed ({said}).", effect=STAGES_WHOLE, hint=hint
    )
