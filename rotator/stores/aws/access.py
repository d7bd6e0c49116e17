"""Getting to AWS: region, profile, role, addresses and time-outs, and the client that they make."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import InvalidEndpointConfigurationError

from rotator.errors import NOTHING_CHANGED, StoreError
from rotator.net.limits import Limits
from rotator.secret_files import UnfitFile, read_secret_file
from rotator.stores.aws.https import send_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_secretsmanager.client import SecretsManagerClient

RENEW_BEFORE: Final = timedelta(minutes=5)
"""How long before a role's session ends another is begun."""


LIMITS: Final = Limits(silence=30.0, total=60.0)
"""Of a call; the longest value has 64 kB."""


@dataclass(frozen=True)
class AwsAccess:
    """Where Secrets Manager is and as whom to call it. What is not said, AWS's usual chain says.

    That is the environment, ~/.aws, a container's or a machine's role (AWS SDKs and Tools Reference Guide,
    "Standardized credential providers").
    """

    region: str | None = None
    profile: str | None = None
    role: str | None = None
    """ARN of a role to assume with the credentials that the chain gives."""
    external_id: str | None = None
    """What the role's trust policy may ask for (sts:ExternalId)."""
    endpoint_url: str | None = None
    """Where Secrets Manager answers, such as a VPC endpoint."""
    sts_endpoint_url: str | None = None
    ca: Path | None = None
    """PEM bundle to trust instead of the one that botocore carries."""
    limits: Limits = LIMITS
    attempts: int = 3
    """How often botocore tries a call, in its standard retry mode, before it says that it failed."""


class AwsClients:
    """Makes the client, and makes it anew before a role's session ends. May be shared between threads."""

    def __init__(self, access: AwsAccess, user_agent: str, now: Callable[[], datetime]) -> None:
        self._access: Final = access
        self._now: Final = now
        self._config: Final = Config(
            connect_timeout=access.limits.connect,
            read_timeout=access.limits.silence,
            retries={"mode": "standard", "total_max_attempts": access.attempts},
            user_agent_extra=user_agent,
        )
        self._lock: Final = Lock()
        self._client: SecretsManagerClient | None = None
        self._ends: datetime | None = None

    def secrets_manager(self) -> SecretsManagerClient:
        """The client. Raises what botocore raises when there are no credentials, no region, or no such role."""
        with self._lock:
            if self._client is None or (self._ends is not None and self._ends - RENEW_BEFORE <= self._now()):
                self._client = self._new_client()
            return self._client

    def forget(self) -> None:
        """Has the next call begin with new credentials: AWS says that those in use have ended."""
        with self._lock:
            self._client = None

    @property
    def region(self) -> str:
        """The region, as far as it is known without a call; for people."""
        return self._access.region or (self._client.meta.region_name if self._client else "the usual region")

    def _new_client(self) -> SecretsManagerClient:
        try:
            return self._begun()
        except ValueError as error:
            # An address of AWS's own variables and files that is none: no error of botocore's like all the others.
            reason = str(error)
        raise InvalidEndpointConfigurationError(msg=reason)

    def _begun(self) -> SecretsManagerClient:
        access = self._access
        core = botocore.session.Session()
        session = boto3.Session(region_name=access.region, profile_name=access.profile, botocore_session=core)
        send_within(access.limits, core, self._verify)
        client: SecretsManagerClient = session.client(
            "secretsmanager",
            endpoint_url=access.endpoint_url,
            config=self._config,
            verify=self._verify,
            **self._role(session),
        )
        _keep_quiet()
        _refuse_open_credentials(core)
        return client

    def _role(self, session: boto3.Session) -> dict[str, Any]:
        self._ends = None
        access = self._access
        if access.role is None:
            return {}
        sts = session.client("sts", endpoint_url=access.sts_endpoint_url, config=self._config, verify=self._verify)
        _keep_quiet()
        wanted: dict[str, Any] = {"ExternalId": access.external_id} if access.external_id else {}
        given = sts.assume_role(RoleArn=access.role, RoleSessionName="rotator", **wanted)["Credentials"]
        self._ends = given["Expiration"].astimezone(UTC)
        return {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    @property
    def _verify(self) -> str | None:
        return str(self._access.ca) if self._access.ca else None


def _refuse_open_credentials(session: botocore.session.Session) -> None:
    """Raises StoreError where the keys in use come from a file that others can read: AWS's library does not look."""
    found = session.get_credentials()
    variable = _FILES.get(found.method) if found else None
    if variable is None or (found and found.method == _BY_ROLE and _has_other_source(session)):
        return
    file = Path(session.get_config_variable(variable)).expanduser()
    try:
        read_secret_file(file, private=True)
    except UnfitFile as unfit:
        raise StoreError(
            f"AWS's file of credentials {file} {unfit.message}.", effect=NOTHING_CHANGED, hint=unfit.hint
        ) from None
    except OSError:
        # It was there a moment ago; what was in it then is used.
        return


def _has_other_source(session: botocore.session.Session) -> bool:
    """Whether a profile that takes on a role does so by the environment, a container or a machine, and by no file.

    AWS SDKs and Tools Reference Guide, "Assume role credential provider": `credential_source` or `source_profile`.
    """
    name, passed = session.profile or "default", set[str]()
    while name not in passed:
        passed.add(name)
        profile = session.full_config.get("profiles", {}).get(name, {})
        if "credential_source" in profile:
            return True
        name = profile.get("source_profile", name)
    return False


_BY_ROLE: Final = "assume-role"
_FILES: Final = {
    "shared-credentials-file": "credentials_file",
    "config-file": "config_file",
    _BY_ROLE: "credentials_file",
}
"""Of botocore's ways to keys, those that read them from a file, and its variable that names it."""


@contextmanager
def unlogged() -> Iterator[None]:
    """Nothing that botocore logs for debugging in here is kept: it quotes whole requests and answers."""
    before = _secret_call.set(True)
    try:
        yield
    finally:
        _secret_call.reset(before)


_secret_call: Final[ContextVar[bool]] = ContextVar("secret_call", default=False)


def _is_no_secret(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not _secret_call.get()


def _keep_quiet() -> None:
    """Filters every logger of botocore, and not a level: another part of the process may debug its own calls."""
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("botocore")]:
        logging.getLogger(name).addFilter(_is_no_secret)
