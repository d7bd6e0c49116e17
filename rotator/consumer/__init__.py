"""For consumers: a login that a rotation cannot break.

login = rotator.consumer.login("files:/var/lib/rotator/keys#billing")
token = login.token()
headers = {"Authorization": f"Bearer {token.access_token.reveal()}"}
requests.get(f"{token.instance_url}/services/data/", headers=headers, timeout=60)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import rotator
from rotator.consumer.dual_key import PATIENCE, DualKeyLogin, Token
from rotator.consumer.reporting import Reporter, to_folder, to_pages
from rotator.core.retry import Waiting
from rotator.core.usage.told_reports import is_consumer_name
from rotator.entry_points import STORES, NoSuchPlugin, Surroundings
from rotator.errors import ConfigurationError
from rotator.net.limits import Limits
from rotator.salesforce.transport import Transport
from rotator.stores.addresses import CredentialAddress, mistaken_address
from rotator.stores.base import StoredVersions
from rotator.stores.plugins import store_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from rotator.core.secret import Secret
    from rotator.core.usage.told_reports import LeavesReport
    from rotator.stores.base import Readable, Reader

STORE_PATIENCE: Final = 5.0
"""Seconds for which one look at a store is tried again; the login itself comes back to it for longer."""

__all__ = ["PATIENCE", "DualKeyLogin", "Reporter", "Token", "Waiting", "from_files", "from_store", "login", "reporter"]


def login(
    place: str,
    *,
    ca: Path | None = None,
    proxy: str | None = None,
    waiting: Waiting | None = None,
    instance_domains: Collection[str] = (),
    report: Reporter | None = None,
) -> DualKeyLogin:
    """A login with the credential that stands at an address; `rotator docs consumers` has every option.

    files:/var/lib/rotator/keys#billing
    vault:secret/rotator/billing?address=https://vault.example:8200
    aws:rotator/billing?region=eu-central-1
    TYPE:... for the store of another package, by the `type` that it has in config.yaml

    `ca` is a PEM bundle to trust for the org instead of the system's, `proxy` a URL to use for it instead of the
    environment's; `instance_domains` are domains where the org may say that its API is, beside those of its login host.
    `report` says after each login which version it was with (`reporter`).
    Raises ConfigurationError for what is no address of a credential; the store is asked when a token is.
    """
    patient = waiting or Waiting(PATIENCE)
    limits = Limits.for_patience(patient.patience)
    transport = Transport(ca=ca, proxy=proxy, limits=limits, instance_domains=instance_domains)
    told = {"logged_in": report.logged_in} if report else {}
    return DualKeyLogin(_reader(place, patient), transport, patient, **told)


def reporter(
    consumer: str,
    to: str,
    credential: str,
    *,
    token: Secret | None = None,
    ca: Path | None = None,
    waiting: Waiting | None = None,
) -> Reporter:
    """Says which version of a credential a consumer last logged in with, so that the previous one can be retired.

    `consumer` is its name among `consumers` of the credential in config.yaml. `to` is where it says so:

    files:/var/lib/rotator/reports   the folder that `reports` of the files store names
    vault:secret/rotator/billing     beside the credential, in the metadata of secret/rotator/billing/consumers/NAME
    aws:rotator/billing?region=...   in a tag of the secret, `rotator:consumer:NAME`
    https://rotator.example          the pages of `rotator run`, with `token`, that of `http.reports_token`

    A report that cannot be left is a warning in the log and fails no login. Raises ConfigurationError for what is
    neither, and for a name that no consumer can have.
    """
    patient = waiting or Waiting(PATIENCE)
    now = patient.now
    if not is_consumer_name(consumer):
        raise ConfigurationError(
            f"No consumer can be called {consumer!r}.",
            effect="Nothing was sent.",
            hint="Use letters, digits, `.`, `_` and `-`, as the name under `consumers` in config.yaml has them.",
        )
    kind, _, rest = to.partition(":")
    leaves = _leaves_in_store(kind) if rest else None
    if leaves:
        return Reporter(consumer, leaves(CredentialAddress(kind, rest), _around(patient)), now)
    if kind == "files" and rest:
        return Reporter(consumer, to_folder(rest, credential), now)
    if kind in {"http", "https"} and token is not None:
        return Reporter(consumer, to_pages(to, credential, token, ca=ca), now)
    raise ConfigurationError(
        f"{to!r} is no place for reports.",
        effect="Nothing was sent.",
        hint="It is `files:FOLDER`, a credential's address in Vault or AWS, or that of the pages with a `token`.",
    )


def from_store(
    store: Readable, credential: str, *, transport: Transport, waiting: Waiting | None = None
) -> DualKeyLogin:
    """A login with what a store holds of one credential."""
    return DualKeyLogin(StoredVersions(store, credential), transport, waiting)


def from_files(
    root: str | Path,
    credential: str,
    *,
    ca: Path | None = None,
    proxy: str | None = None,
    waiting: Waiting | None = None,
) -> DualKeyLogin:
    """A login with what the `files` store in the directory `root` holds of one credential.

    `ca` is a PEM bundle to trust instead of the system's, `proxy` a URL to use instead of the environment's.
    """
    return login(f"files:{root}#{credential}", ca=ca, proxy=proxy, waiting=waiting)


def _reader(place: str, waiting: Waiting) -> Reader:
    kind, colon, rest = place.partition(":")
    if not (colon and rest):
        raise mistaken_address(place, f"must begin with {_known_types()}, and name a credential")
    try:
        plugin = store_plugin(kind)
    except NoSuchPlugin as reason:
        raise mistaken_address(place, f"is of no store that can be used: {reason}") from None
    if plugin.reader is None:
        raise mistaken_address(place, f"cannot be read: stores of the type {kind} are not read by an address")
    return plugin.reader(CredentialAddress(kind, rest), _around(waiting))


def _leaves_in_store(kind: str) -> Callable[[CredentialAddress, Surroundings], LeavesReport] | None:
    """What leaves reports in stores of a type; None where there is no such type, or none can be left."""
    try:
        return store_plugin(kind).reporter
    except NoSuchPlugin:
        return None


def _around(waiting: Waiting) -> Surroundings:
    return Surroundings(
        os.environ,
        waiting.now,
        waiting.sleep,
        waiting.uniform,
        user_agent=f"rotator-consumer/{rotator.__version__}",
        patience=min(waiting.patience, STORE_PATIENCE),
        elapsed=waiting.elapsed,
    )


def _known_types() -> str:
    *others, last = (f"{name}:" for name in STORES.names())
    return f"{', '.join(others)} or {last}"
