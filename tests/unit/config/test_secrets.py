import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import ValidationError

from rotator import secret_files
from rotator.config.secrets import KeyReference, SecretReference
from rotator.errors import ConfigurationError
from rotator.testing.versions import spare_key

USER, OURS, FOREIGN = 1001, 2001, 3001


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def refusal(reference: SecretReference, environ: dict[str, str] | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        reference.resolve(environ or {})
    assert caught.value.effect == "Nothing was touched."
    return caught.value


def test_a_secret_comes_from_an_environment_variable() -> None:
    assert SecretReference(env="PASSWORD").resolve({"PASSWORD": "open sesame"}).reveal() == "open sesame"


def test_a_secret_comes_from_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    path = write(tmp_path / "password", "open sesame\n")
    assert SecretReference(file=path).resolve({}).reveal() == "open sesame"


def test_a_secret_comes_from_a_systemd_credential_whatever_its_mode(tmp_path: Path) -> None:
    write(tmp_path / "password", "open sesame", mode=0o440)
    assert SecretReference(systemd="password").resolve({"CREDENTIALS_DIRECTORY": str(tmp_path)}).reveal()


def test_a_missing_variable_is_named() -> None:
    error = refusal(SecretReference(env="PASSWORD"))
    assert "PASSWORD is not set" in error.message
    assert "PASSWORD" in error.hint


def test_an_empty_value_is_refused() -> None:
    assert "is empty" in refusal(SecretReference(env="PASSWORD"), {"PASSWORD": "\n"}).message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.pem"
    assert f"{path} cannot be read: No such file" in refusal(SecretReference(file=path)).message


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    assert "not a regular file" in refusal(SecretReference(file=tmp_path)).message


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is a pipe that nobody writes" in refusal(SecretReference(file=tmp_path / "pipe")).message


def test_what_a_shell_puts_in_the_place_of_a_command_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: SecretReference(file=Path(f"/dev/fd/{reading}")).resolve({}).reveal())
        for piece in (b"open ", b"sesame\n"):
            os.write(writing, piece)
        os.close(writing)
        assert found.result() == "open sesame"
    os.close(reading)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o777])
def test_a_file_that_others_can_read_is_refused_with_the_command_to_type(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "my key.pem", "secret", mode)
    error = refusal(SecretReference(file=path))
    assert str(path) in error.message
    assert f"mode {mode:04o}" in error.message
    assert f"chmod 600 '{path}'" in error.hint
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("mode", "owner", "group", "is_read_only", "is_taken"),
    [
        (0o440, 0, OURS, False, True),
        (0o400, 0, FOREIGN, False, True),
        (0o440, 0, FOREIGN, False, False),
        (0o444, 0, OURS, False, False),
        (0o444, 0, FOREIGN, True, True),
        (0o440, FOREIGN, OURS, False, False),
        (0o440, USER, OURS, False, False),
    ],
    ids=["lent to our group", "root's", "another group", "world", "read-only mount", "another owner", "our own"],
)
def test_who_can_read_a_file_decides_and_not_its_mode_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    group: int,
    is_read_only: bool,
    is_taken: bool,
) -> None:
    volume = tmp_path / "..2026"
    volume.mkdir()
    write(volume / "key", "secret")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "key").symlink_to("..data/key")
    found = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, group, 6, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: found)
    monkeypatch.setattr(os, "geteuid", lambda: USER)
    monkeypatch.setattr(os, "getgroups", lambda: [OURS])
    monkeypatch.setattr(secret_files, "_is_read_only", lambda _: is_read_only)
    reference = SecretReference(file=tmp_path / "key")
    if is_taken:
        assert reference.resolve({}).reveal() == "secret"
    else:
        error = refusal(reference)
        assert "can be read by others" in error.message
        assert ("chmod 600" in error.hint) == (owner == USER)
        assert ("{env: NAME}" in error.hint) == (owner != USER)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.der"
    path.write_bytes(b"\x30\x82\xff\xfe")
    path.chmod(0o600)
    assert "is not text" in refusal(SecretReference(file=path)).message


def test_a_systemd_credential_without_its_folder_says_how_to_get_one() -> None:
    error = refusal(SecretReference(systemd="management"))
    assert "CREDENTIALS_DIRECTORY" in error.message
    assert "LoadCredential=management:" in error.hint


def test_a_secret_written_into_the_configuration_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        SecretReference.model_validate("hunter2")
    assert "refer to it: {env: NAME}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", [{}, {"env": "A", "systemd": "b"}])
def test_a_reference_names_exactly_one_place(value: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of"):
        SecretReference.model_validate(value)


@pytest.mark.parametrize("name", ["../shadow", "a/b", "", ".hidden"])
def test_a_systemd_credential_stays_in_its_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        SecretReference(systemd=name)


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_may_be_encrypted_with_a_password_from_elsewhere(tmp_path: Path, form: PrivateFormat) -> None:
    pem = spare_key(0).signing_key().private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"open sesame"))
    reference = KeyReference(
        file=write(tmp_path / "key.pem", pem.decode()), password=SecretReference(env="KEY_PASSWORD")
    )
    loaded = reference.load({"KEY_PASSWORD": "open sesame"})
    assert loaded.public_fingerprint == spare_key(0).public_fingerprint
    with pytest.raises(ConfigurationError, match=r"key\.pem") as caught:
        reference.load({"KEY_PASSWORD": "wrong"})
    assert "wrong" not in caught.value.message.replace("password is wrong", "")
    with pytest.raises(ConfigurationError, match="encrypted"):
        KeyReference(file=tmp_path / "key.pem").load({})


def test_something_that_is_no_key_is_refused_with_its_place() -> None:
    pem = spare_key(0).signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert KeyReference(env="KEY").load({"KEY": pem}).bits == 2048
    with pytest.raises(ConfigurationError, match="the environment variable KEY"):
        KeyReference(env="KEY").load({"KEY": "no key"})
