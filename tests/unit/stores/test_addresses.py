"""Private keys go over TLS, or to this machine."""

from __future__ import annotations

import pytest

from rotator.stores.addresses import secure_address

EXAMPLE = "https://vault.example:8200"
NONE = (
    *("", "a.example", "ftp://a.example", "https://", "https://[::1", "https://a b", "https://a:x", "https://a:0"),
    *("https://a:99999", "https://a:b@c", "https://a?b=c", "https://a#b"),
)


@pytest.mark.parametrize(
    "address", ["https://a.example", "https://a.example:1/b/", "http://[::1]:1", "http://localhost"]
)
def test_a_server_over_tls_or_on_this_machine_is_taken(address: str) -> None:
    assert secure_address(address, EXAMPLE) == address.rstrip("/")


@pytest.mark.parametrize("address", NONE)
def test_what_is_no_address_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(ValueError, match=f"such as {EXAMPLE}"):
        secure_address(address, EXAMPLE)


@pytest.mark.parametrize("address", ["http://a.example", "http://127.0.0.1.example", "http://10.0.0.1"])
def test_a_server_elsewhere_without_tls_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="as private keys go over it"):
        secure_address(address, EXAMPLE)
