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
from rotator.core.retry import Waiting
from rotator.entry_points import STORES, NoSuchPlugin, Surroundings
from rotator.net.limits import Limits
from rotator.salesforce.transport import Transport
from rotator.stores.addresses import CredentialAddress, mistaken_address
from rotator.stores.base import StoredVersions
from rotator.stores.plugins import store_plugin

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from rotator.stores.base import Readable, Reader

STORE_PATIENCE: Final = 5.0
"""Seconds for which one look at a store is tried again; the login itself comes back to it for longer."""

__all__ = ["PATIENCE", "DualKeyLogin", "Token", "Waiting", "from_files", "from_store", "login"]


def login(
    place: str,
    *,
    ca: Path | None = None,
    proxy: str | None = None,
    waiting: Waiting | None = None,
    instance_domains: Collection[str] = (),
) -> DualKeyLogin:
    """A login with the credential that stands at an address; `rotator docs consumers` has every option.

    files:/var/lib/rotator/keys#billing
    vault:secret/rotator/billing?address=https://vault.example:8200
    aws:rotator/billing?region=eu-central-1
    TYPE:... for the store of another package, by the `type` that it has in config.yaml

    `ca` is a PEM bundle to trust for the org instead of the system's, `proxy` a URL to use for it instead of the
    environment's; `instance_domains` are domains where the org may say that its API is, beside those of its login host.
    Raises ConfigurationError for what is no address of a credential; the store is asked when a token is.
    """
    patient = waiting or Waiting(PATIENCE)
    limits = Limits.for_patience(patient.patience)
    transport = Transport(ca=ca, proxy=proxy, limits=limits, instance_domains=instance_domains)
    return DualKeyLogin(_reader(place, patient), transport, patient)


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
    around = Surroundings(
        os.environ,
        waiting.now,
        waiting.sleep,
        waiting.uniform,
        user_agent=f"rotator-consumer/{rotator.__version__}",
        patience=min(waiting.patience, STORE_PATIENCE),
        elapsed=waiting.elapsed,
    )
    return plugin.reader(CredentialAddress(kind, rest), around)


def _known_types() -> str:
    *others, last = (f"{name}:" for name in STORES.names())
    return f"{', '.join(others)} or {last}"
