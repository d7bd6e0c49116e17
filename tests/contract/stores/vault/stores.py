"""Stores on a test server, opened as config.yaml would, by a clock that goes on only while somebody sleeps."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from rotator.entry_points import Surroundings
from rotator.stores.vault.plugin import PLUGIN
from rotator.stores.vault.policy import rotator_policy
from rotator.stores.vault.store import VaultStore
from tests.contract.servers.vault import closing
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.contract.servers.vault import VaultProcess

BY_TOKEN: Final[dict[str, Any]] = {"token": {"env": "TOKEN"}}
_folders: Final = count(1)


def new_folder() -> str:
    """A folder that no other test of this session has."""
    return f"tests/{next(_folders)}"


@contextmanager
def opened(
    server: VaultProcess,
    login: Mapping[str, Any] = BY_TOKEN,
    *,
    time: VirtualTime | None = None,
    environ: Mapping[str, str] | None = None,
    before_change: Callable[[], None] = lambda: None,
    **settings: Any,
) -> Iterator[VaultStore]:
    """A store on a server, in a folder of its own unless `path` says another."""
    clock = time or VirtualTime()
    document = {
        "type": "vault",
        "address": server.address,
        "ca": server.ca,
        "login": dict(login),
        "path": new_folder(),
        **({"mount": "kv"} if server.ca else {}),
        **settings,
    }
    with ExitStack() as at_end:
        around = Surroundings(
            {"TOKEN": server.root_token, **(environ or {})},
            now=clock.now,
            sleep=clock.sleep,
            elapsed=clock.elapsed,
            at_end=at_end.callback,
            before_change=before_change,
        )
        store = PLUGIN.open("keys", PLUGIN.settings().model_validate(document), around)
        assert isinstance(store, VaultStore)
        yield store


def approle(server: VaultProcess, path: str, policy: str | None = None) -> dict[str, Any]:
    """A login by a new AppRole whose tokens have a policy, the least for a store in the folder unless told."""
    name = path.replace("/", "-")
    with closing(server.admin()) as admin:
        enable(admin, "approle")
        admin.sys.create_or_update_policy(name, policy or rotator_policy("kv" if server.ca else "secret", path))
        admin.auth.approle.create_or_update_approle(name, token_policies=[name], token_ttl="1h")
        role_id = admin.auth.approle.read_role_id(name)["data"]["role_id"]
        secret_id = admin.auth.approle.generate_secret_id(name)["data"]["secret_id"]
    file = server.folder / f"{name}.secret-id"
    file.touch(0o600)
    file.write_text(secret_id)
    return {"approle": {"role_id": role_id, "secret_id": {"file": str(file)}}}


def enable(admin: Any, method: str) -> None:
    """Enables a way to log in, unless it is enabled."""
    if f"{method}/" not in admin.sys.list_auth_methods()["data"]:
        admin.sys.enable_auth_method(method)
