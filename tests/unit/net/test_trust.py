"""A bundle of authorities is read once in a process, and again when it is another file."""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import closing
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest

from rotator.core.secret import Secret
from rotator.errors import OrgError
from rotator.net import trust
from rotator.salesforce.transport import Transport
from rotator.simulator.org.org import Org
from rotator.simulator.serving.authority import CertificateAuthority
from rotator.simulator.serving.server import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return authority(tmp_path / "ca.pem")


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer([Org("production", clock=lambda: datetime.now(UTC), random=Random(1))]) as running:
        yield running


def authority(file: Path) -> Path:
    file.write_text(CertificateAuthority.create(datetime.now(UTC)).pem)
    return file


def reads() -> int:
    return trust._read.cache_info().misses


def ask(server: SimulatorServer, ca: Path) -> None:
    with closing(Transport(ca=ca)) as transport:
        transport.get(f"{server.orgs[0].url}/services/data/", token=Secret("t"))


def test_all_who_trust_a_bundle_share_what_was_read_of_it(bundle: Path) -> None:
    before, found = reads(), []

    def read() -> None:
        found.append(trust.context(bundle))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads() == before + 1
    assert all(each is found[0] for each in found)


def test_a_bundle_that_was_replaced_is_read_again(bundle: Path, tmp_path: Path) -> None:
    old = trust.context(bundle)
    os.replace(authority(tmp_path / "new.pem"), bundle)  # noqa: PTH105 - as who renews a bundle does it
    new = trust.context(bundle)
    assert new is not old
    assert new.get_ca_certs() != old.get_ca_certs()


def test_a_context_checks_the_server_and_its_name(bundle: Path) -> None:
    context = trust.context(bundle)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_connections_to_an_org_read_its_bundle_once(server: SimulatorServer, tmp_path: Path) -> None:
    ca = tmp_path / "bundle.pem"
    ca.write_text(server.ca_file.read_text())
    before = reads()
    for _ in range(3):
        ask(server, ca)
    assert reads() == before + 1


def test_a_server_of_another_authority_is_not_trusted_by_a_context_that_served_before(
    server: SimulatorServer, tmp_path: Path
) -> None:
    ca = tmp_path / "bundle.pem"
    ca.write_text(server.ca_file.read_text())
    ask(server, ca)
    os.replace(authority(tmp_path / "other.pem"), ca)  # noqa: PTH105 - as who renews a bundle does it
    with pytest.raises(OrgError, match="is not trusted"):
        ask(server, ca)


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_a_file_without_a_certificate_is_an_error(bundle: Path, text: str) -> None:
    bundle.write_text(text)
    with pytest.raises(ssl.SSLError, match="NO_CERTIFICATE_OR_CRL_FOUND"):
        trust.context(bundle)
