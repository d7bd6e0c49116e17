"""Nothing of this machine's environment says where calls go."""

from __future__ import annotations

import pytest

from tests.contract.stores.aws.stores import ENVIRONMENT, FORGOTTEN

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_PROXIES, *FORGOTTEN):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
