"""For consumers: a login that a rotation cannot break.

login = rotator.consumer.login("files:/var/lib/rotator/keys#billing")
token = login.token()
headers = {"Authorization": f"Bearer {token.access_token.reveal()}"}
requests.get(f"{token.instance_url}/services/data/", headers=headers, timeout=60)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rotator.consumer.dual_key import PATIENCE, DualKeyLogin, StoredVersions, Token, Waiting
from rotator.consumer.places import open_place
from rotator.salesforce.transport import Transport

if TYPE_CHECKING:
    from rotator.consumer.dual_key import Readable

__all__ = ["PATIENCE", "DualKeyLogin", "Token", "Waiting", "from_files", "from_store", "login"]


def login(
    place: str, *, ca: Path | None = None, proxy: str | None = None, waiting: Waiting | None = None
) -> DualKeyLogin:
    """A login with the credential that stands at a place; `rotator docs consumers` has every option.

    files:/var/lib/rotator/keys#billing
    vault:secret/rotator/billing?address=https://vault.example:8200
    aws:rotator/billing?region=eu-central-1

    `ca` is a PEM bundle to trust for the org instead of the system's, `proxy` a URL to use for it instead of the
    environment's. Raises ConfigurationError for a place that cannot be meant; the store is asked when a token is.
    """
    patient = waiting or Waiting()
    return DualKeyLogin(open_place(place, patient), Transport(ca=ca, proxy=proxy), patient)


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
    from rotator.stores.files.store import FilesStore  # noqa: PLC0415 - other stores' consumers do without it

    return from_store(
        FilesStore(str(root), Path(root)), credential, transport=Transport(ca=ca, proxy=proxy), waiting=waiting
    )
