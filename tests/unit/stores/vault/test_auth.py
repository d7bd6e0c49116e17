from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from rotator import secret_files
from rotator.errors import StoreError
from rotator.stores.vault.auth import JwtLogin, TokenFileLogin

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.stores.vault.auth import VaultLogin

NOBODY: Any = None
"""No server is called before the file was read."""


def logins(file: Path) -> list[VaultLogin]:
    return [
        TokenFileLogin(file),
        JwtLogin("crm", file, mount="jwt"),
        JwtLogin("crm", file, mount="kubernetes", kubernetes=True),
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("hvs.CAESI\n")
    return file


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604, 0o660])
def test_a_token_that_others_can_read_is_not_used(file: Path, mode: int) -> None:
    file.chmod(mode)
    for login in logins(file):
        with pytest.raises(StoreError, match=rf"can be read by others \(mode {mode:04o}\)") as refused:
            login.log_in(NOBODY)
        assert f"chmod 600 {file}" in refused.value.hint
        assert "`mode` of its sink" in refused.value.hint
        assert "hvs" not in str(refused.value)


def test_a_token_of_ones_own_is_used(file: Path) -> None:
    file.chmod(0o600)
    assert TokenFileLogin(file).log_in(NOBODY).token.reveal() == "hvs.CAESI"


def test_a_token_that_is_mounted_read_only_is_used_as_kubernetes_mounts_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.chmod(0o644)
    monkeypatch.setattr(secret_files, "_is_read_only", lambda _: True)
    assert TokenFileLogin(file).log_in(NOBODY).token.reveal() == "hvs.CAESI"


@pytest.mark.parametrize(("content", "reason"), [(b"\xff\xfe", "it is no text"), (None, "No such file")])
def test_a_token_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "other"
    if content is not None:
        os.close(os.open(file, os.O_CREAT, 0o600))
        file.write_bytes(content)
    for login in logins(file):
        with pytest.raises(StoreError, match=reason):
            login.log_in(NOBODY)
