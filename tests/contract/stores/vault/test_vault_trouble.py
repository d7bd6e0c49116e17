"""What can be wrong with a Vault: each told in a sentence, nothing lost, and the next run finishes."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.credentials import Stages
from rotator.errors import StoreError, StoreUnavailable
from rotator.stores.vault.policy import consumer_policy, rotator_policy
from rotator.stores.vault.store import VaultStore
from rotator.testing.versions import make_version, spare_key
from tests.contract.servers.ports import free_port
from tests.contract.servers.vault import VaultProcess, closing, sealed_server
from tests.contract.stores.vault.stores import approle, new_folder, opened
from tests.contract.stores.vault.wire import Wire, attach
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

    from rotator.core.credentials import Version

NAME = "billing"
ROTATING = (("data", "read"), ("data", "update"), ("destroy", "update"), ("metadata", "read"))
"""The capabilities that a rotation needs."""
NO_MORE = (("data", "create"), ("metadata", "delete"))
"""What a first version needs, and `check` to take its probe away."""


@pytest.fixture
def folder() -> str:
    return new_folder()


def rotate(store: VaultStore, version: Version, replaces: Version | None = None) -> None:
    """Puts a version and promotes it, from wherever an earlier attempt stopped."""
    if store.stages(NAME).current != version.fingerprint:
        store.put_pending(version)
    store.promote(NAME, version.fingerprint, replaces=replaces.fingerprint if replaces else None)


def rotated_before(server: VaultProcess, folder: str) -> tuple[Version, Version]:
    """A credential with a previous and a current version."""
    first, second = make_version(NAME), make_version(NAME)
    with opened(server, path=folder) as store:
        rotate(store, first)
        rotate(store, second, first)
    return first, second


def test_a_vault_that_is_sealed_at_any_request_is_waited_for(sealed_vault: VaultProcess, folder: str) -> None:
    with opened(sealed_vault, path=f"{folder}/undisturbed") as store:
        wire = attach(store, Wire())
        rotate(store, make_version(NAME))
    # A seal costs a tenth of a second, and one request in three is enough to meet each kind.
    for place in range(0, len(wire.requests), 3):
        clock, version = VirtualTime(while_sleeping=sealed_vault.unseal), make_version(NAME)

        def seal(at: int, _request: requests.PreparedRequest, place: int = place) -> None:
            if at == place:
                sealed_vault.seal()

        with opened(sealed_vault, time=clock, path=f"{folder}/{place}") as store:
            attach(store, Wire(before=seal))
            rotate(store, version)
            assert clock.slept
        with opened(sealed_vault, path=f"{folder}/{place}") as store:
            assert store.stages(NAME) == Stages(current=version.fingerprint)


def test_a_vault_that_stays_sealed_is_told_after_a_while(sealed_vault: VaultProcess, folder: str) -> None:
    clock, version = VirtualTime(), make_version(NAME)
    with opened(sealed_vault, time=clock, path=folder, patience="20s") as store:
        store.put_pending(version)
        sealed_vault.seal()
        with pytest.raises(StoreUnavailable) as away:
            store.promote(NAME, version.fingerprint, replaces=None)
        sealed_vault.unseal()
        assert "cannot be used just now: it is sealed (tried for 20 seconds)" in away.value.message
        assert "unseal it" in away.value.hint
        assert (away.value.transient, 10 < sum(clock.slept) <= 20) == (True, True)
        rotate(store, version)
        assert store.stages(NAME) == Stages(current=version.fingerprint)


def test_a_vault_that_loses_power_half_way_comes_back_with_everything(tmp_path: Path) -> None:
    with sealed_server(tmp_path) as server:
        version = make_version(NAME)

        def back() -> None:
            server.start()
            server.unseal()

        clock = VirtualTime(while_sleeping=back)

        def lose_power(_at: int, request: requests.PreparedRequest) -> None:
            if request.method == "POST" and request.path_url.endswith(NAME):
                server.stop()

        with opened(server, time=clock) as store:
            store.put_pending(version)
            attach(store, Wire(after=lose_power))
            store.promote(NAME, version.fingerprint, replaces=None)
            assert len(clock.slept) == 1
            assert store.read(NAME, version.fingerprint) == version


def test_a_vault_that_is_down_is_told(sealed_vault: VaultProcess) -> None:
    address = f"https://127.0.0.1:{free_port()}"
    with opened(sealed_vault, address=address) as store, pytest.raises(StoreUnavailable) as away:
        store.stages(NAME)
    assert f"({address}) cannot be used just now: nothing answers there" in away.value.message


def test_a_vault_that_throttles_is_waited_for(dev_vault: VaultProcess, folder: str) -> None:
    with closing(dev_vault.admin()) as admin:
        quota = {"rate": 1, "interval": "1h", "path": "secret/"}

        def throttle(at: int, _request: requests.PreparedRequest) -> None:
            if at % 2:
                admin.adapter.post("/v1/sys/quotas/rate-limit/tests", json=quota)

        clock = VirtualTime(while_sleeping=lambda: admin.adapter.delete("/v1/sys/quotas/rate-limit/tests"))
        version = make_version(NAME)
        with opened(dev_vault, time=clock, path=folder) as store:
            attach(store, Wire(before=throttle))
            rotate(store, version)
            assert len(clock.slept) > 3
        clock.while_sleeping()
    with opened(dev_vault, path=folder) as store:
        assert store.stages(NAME) == Stages(current=version.fingerprint)


def test_a_capability_that_is_missing_is_named_with_the_text_that_allows_it(
    sealed_vault: VaultProcess, folder: str
) -> None:
    for api, capability in (*ROTATING, *NO_MORE):
        policy = without(rotator_policy("kv", folder), api, capability)
        with opened(sealed_vault, approle(sealed_vault, folder, policy), path=folder) as store:
            refused = refusal(store)
        assert f"does not allow {capability!r} on kv/{api}/{folder}/.check-" in refused.message
        assert "the AppRole login auth/approle" in refused.message
        (text,) = re.findall(r'path "[^"]+" \{[^}]+\}', refused.hint)
        assert text.startswith(f'path "kv/{api}/{folder}/')
        assert text.endswith(f'{{ capabilities = ["{capability}"] }}')


@pytest.mark.parametrize(("api", "capability"), ROTATING)
def test_a_rotation_that_lacks_a_capability_stops_whole_and_is_finished_when_it_is_allowed(
    sealed_vault: VaultProcess, folder: str, api: str, capability: str
) -> None:
    first, second = rotated_before(sealed_vault, folder)
    third = make_version(NAME)
    policy = without(rotator_policy("kv", folder), api, capability)
    denied = pytest.raises(StoreError, match=f"does not allow '{capability}' on kv/{api}/{folder}/{NAME}")
    with opened(sealed_vault, approle(sealed_vault, folder, policy), path=folder) as store, denied:
        rotate(store, third, second)
    with opened(sealed_vault, approle(sealed_vault, folder), path=folder) as store:
        assert store.stages(NAME) in {
            Stages(None, second.fingerprint, first.fingerprint),
            Stages(third.fingerprint, second.fingerprint, first.fingerprint),
            Stages(None, third.fingerprint, second.fingerprint),
        }
        rotate(store, third, second)
        assert store.stages(NAME) == Stages(None, third.fingerprint, second.fingerprint)
        assert store.sweep(NAME) == 0


def test_a_first_version_needs_the_right_to_create(sealed_vault: VaultProcess, folder: str) -> None:
    policy, version = without(rotator_policy("kv", folder), "data", "create"), make_version(NAME)
    denied = pytest.raises(StoreError, match=f"does not allow 'create' on kv/data/{folder}/{NAME}/pending")
    with opened(sealed_vault, approle(sealed_vault, folder, policy), path=folder) as store, denied:
        store.put_pending(version)
    with opened(sealed_vault, approle(sealed_vault, folder), path=folder) as store:
        rotate(store, version)
        assert store.stages(NAME) == Stages(current=version.fingerprint)


def without(policy: str, api: str, capability: str) -> str:
    """The policy less one capability of one call."""

    def less(rule: str) -> str:
        left = [word for word in re.findall(r'"([a-z]+)"', rule) if word != capability]
        return re.sub(r"\[.*\]", str(left).replace("'", '"'), rule)

    return "\n".join(less(line) if f"/{api}/" in line else line for line in policy.splitlines())


def refusal(store: VaultStore) -> StoreError:
    with pytest.raises(StoreError) as refused:
        store.check()
    assert not isinstance(refused.value, StoreUnavailable)
    return refused.value


@pytest.mark.parametrize(
    ("options", "configuration", "said"),
    [
        ({"version": "1"}, {}, "is no KV engine of version 2"),
        ({"version": "2"}, {"max_versions": 1}, "keeps one version of a secret only"),
        ({"version": "2"}, {"delete_version_after": "1h"}, "deletes each version after a while by itself"),
    ],
)
def test_an_engine_that_would_lose_versions_is_found_by_the_check(
    dev_vault: VaultProcess, folder: str, options: dict[str, str], configuration: dict[str, Any], said: str
) -> None:
    mount = folder.replace("/", "-")
    with closing(dev_vault.admin()) as admin:
        admin.sys.enable_secrets_engine("kv", path=mount, options=options)
        if configuration:
            settled(lambda: admin.secrets.kv.v2.configure(mount_point=mount, **configuration))
        with opened(dev_vault, mount=mount) as store:
            assert said in refusal(store).message
            if options == {"version": "1"}:
                with pytest.raises(StoreError, match="no KV engine of version 2"):
                    store.put_pending(make_version(NAME))
        assert not admin.adapter.list(f"/v1/{mount}/metadata/", raise_exception=False).ok
        admin.sys.disable_secrets_engine(mount)


def settled(call: Any) -> None:
    """Does it when the engine has upgraded itself."""
    for _ in range(500):
        try:
            call()
        except Exception as error:  # the client has one class of its own for each status
            if "upgrading" not in str(error).lower():
                raise
        else:
            return


def test_a_mount_that_is_not_there_is_told(dev_vault: VaultProcess) -> None:
    with opened(dev_vault, mount="nowhere") as store:
        assert "has no secrets engine at nowhere/" in refusal(store).message


def test_a_server_whose_authority_is_not_known_is_told_at_once(sealed_vault: VaultProcess) -> None:
    clock = VirtualTime()
    with opened(sealed_vault, time=clock, ca=None) as store:
        refused = refusal(store)
    assert "its certificate is not trusted" in refused.message
    assert "Set `ca`" in refused.hint
    assert not clock.slept


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_authorities_that_is_of_no_use_is_told(
    sealed_vault: VaultProcess, tmp_path: Path, content: str | None
) -> None:
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    with opened(sealed_vault, ca=str(ca)) as store:
        refused = refusal(store)
    assert "cannot be called" in refused.message
    assert "Set `ca` of the store" in refused.hint


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(dev_vault: VaultProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            opened(dev_vault, address=address, read_timeout="1s", patience="0s") as store,
            pytest.raises(StoreUnavailable, match="it does not answer in time"),
        ):
            store.stages(NAME)


def test_a_server_without_tls_is_told(dev_vault: VaultProcess, sealed_vault: VaultProcess) -> None:
    with opened(sealed_vault, address=dev_vault.address.replace("http:", "https:")) as store:
        assert "it does not speak TLS" in refusal(store).message
    with opened(dev_vault, address=sealed_vault.address.replace("https:", "http:")) as store:
        assert "what answers there is no Vault" in refusal(store).message


@pytest.mark.parametrize("status", [200, 403, 404])
@pytest.mark.parametrize("page", ["<html>Welcome</html>", "[]", '{"message": "hello"}', ""])
def test_a_page_of_something_else_is_never_taken_for_an_empty_store(
    dev_vault: VaultProcess, status: int, page: str
) -> None:
    refused = pytest.raises(StoreError, match="what answers there is no Vault")
    with something_else(status, page) as address, opened(dev_vault, address=address) as store, refused:
        store.stages(NAME)


@contextmanager
def something_else(status: int, page: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_current_version_that_a_person_deleted_is_told_with_the_command_that_undoes_it(
    dev_vault: VaultProcess, folder: str
) -> None:
    _, second = rotated_before(dev_vault, folder)
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        admin.secrets.kv.v2.delete_latest_version_of_secret(f"{folder}/{NAME}")
        with pytest.raises(StoreError, match="was deleted") as refused:
            store.stages(NAME)
        assert f"`vault kv undelete -versions=2 secret/{folder}/{NAME}`" in refused.value.hint
        admin.secrets.kv.v2.undelete_secret_versions(f"{folder}/{NAME}", [2])
        assert store.stages(NAME).current == second.fingerprint
        admin.secrets.kv.v2.destroy_secret_versions(f"{folder}/{NAME}", [2])
        with pytest.raises(StoreError, match="was destroyed") as refused:
            store.promote(NAME, second.fingerprint, replaces=None)
        assert f"`vault kv rollback -version=1 secret/{folder}/{NAME}`" in refused.value.hint


def test_what_a_person_rolls_back_or_writes_once_more_is_understood(dev_vault: VaultProcess, folder: str) -> None:
    first, second = rotated_before(dev_vault, folder)
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        kv, path = admin.secrets.kv.v2, f"{folder}/{NAME}"
        old, new = (kv.read_secret_version(path, number, raise_on_deleted_version=True) for number in (1, 2))
        kv.create_or_update_secret(path, {**new["data"]["data"], "note": "touched by hand"})
        assert store.stages(NAME) == Stages(None, second.fingerprint, first.fingerprint)
        assert store.sweep(NAME) == 0
        assert store.read(NAME, first.fingerprint) == first
        kv.create_or_update_secret(path, old["data"]["data"])
        assert store.stages(NAME) == Stages(None, first.fingerprint, second.fingerprint)


def test_a_secret_of_somebody_else_is_not_written_over(dev_vault: VaultProcess, folder: str) -> None:
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        admin.secrets.kv.v2.create_or_update_secret(f"{folder}/{NAME}", {"password": "of another team"})
        with pytest.raises(StoreError, match="JSON with 'password', and no private key") as refused:
            store.put_pending(make_version(NAME))
        assert "this program did not write it" in refused.value.message
        assert "set another `path` of the store" in refused.value.hint


def test_a_key_of_somebody_else_can_be_taken_over(dev_vault: VaultProcess, folder: str) -> None:
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        admin.secrets.kv.v2.create_or_update_secret(f"{folder}/{NAME}", {"key": spare_key(0).pem().reveal()})
        with pytest.raises(StoreError, match="private key in its member 'key'") as refused:
            store.stages(NAME)
        assert f"rotator adopt NAME --key <(vault kv get -field=key secret/{folder}/{NAME})" in refused.value.hint


def test_settings_of_the_real_path_are_looked_at(dev_vault: VaultProcess, folder: str) -> None:
    with closing(dev_vault.admin()) as admin, opened(dev_vault, path=folder) as store:
        metadata = admin.secrets.kv.v2
        assert store.examine(NAME) == ()
        rotated_before(dev_vault, folder)
        assert store.examine(NAME) == ()
        for path in (f"{folder}/{NAME}", f"{folder}/{NAME}/pending"):
            metadata.update_metadata(path, delete_version_after="768h")
            with pytest.raises(StoreError, match=f"{path} in Vault deletes each version after 768h") as refused:
                store.examine(NAME)
            assert f"vault kv metadata put -delete-version-after=0s secret/{path}" in refused.value.hint
            metadata.update_metadata(path, delete_version_after="0s")
        metadata.update_metadata(f"{folder}/{NAME}", max_versions=1)
        with pytest.raises(StoreError, match="keeps one version only"):
            store.examine(NAME)
        metadata.update_metadata(f"{folder}/{NAME}", max_versions=5, cas_required=True)
        assert store.examine(NAME) == (), "every write of the program is a check-and-set"


def test_a_consumer_needs_no_more_than_its_policy(sealed_vault: VaultProcess, folder: str) -> None:
    first, second = rotated_before(sealed_vault, folder)
    pending = make_version(NAME)
    with opened(sealed_vault, path=folder) as store:
        store.put_pending(pending)
    login = approle(sealed_vault, folder, consumer_policy("kv", folder, NAME))
    with opened(sealed_vault, login, path=folder) as store:
        with pytest.raises(StoreError, match=f"does not allow 'read' on kv/data/{folder}/{NAME}/pending"):
            store.stages(NAME)
        reader = VaultStore("keys", store._session, "kv", folder, sees_pending=False)
        assert reader.stages(NAME) == Stages(None, second.fingerprint, first.fingerprint)
        assert reader.read(NAME, second.fingerprint) == second
        with pytest.raises(StoreError, match="does not allow"):
            reader.retire(NAME, first.fingerprint)
