from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from rotator.history.locks import advisory
from rotator.history.locks.advisory import lock_key

NOW = datetime(2026, 11, 23, 12, 31, 47, tzinfo=UTC)


def test_a_credentials_key_is_the_same_in_every_release() -> None:
    assert lock_key("public", "billing") == 4817713775996112141


def test_every_credential_and_every_schema_has_a_key_of_its_own() -> None:
    keys = {lock_key(schema, name) for schema in ("public", "other") for name in ("billing", "Billing", "shipping")}
    assert len(keys) == 6
    assert all(-(2**63) <= key < 2**63 for key in keys)


@pytest.mark.parametrize("host", ["db", "a" * 200, "büro"])
def test_a_holder_signs_within_what_postgres_keeps(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    signed = advisory._signature(NOW)
    assert len(signed.encode("ascii")) <= 63
    found = advisory._SIGNATURE.fullmatch(signed)
    assert found
    assert found[2] == "2026-11-23 12:31:47 UTC"
