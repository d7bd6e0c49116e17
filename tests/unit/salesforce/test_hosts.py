"""Access tokens go to hosts of the org, and to those that a person allows."""

from __future__ import annotations

import pytest

from rotator.core.observed import Kind
from rotator.errors import ConfigurationError
from rotator.salesforce.apps.app import App
from rotator.salesforce.hosts import InstanceHosts, refuse_generic_host

MY_DOMAIN = "https://example.my.salesforce.com"


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (MY_DOMAIN, MY_DOMAIN),
        (MY_DOMAIN, "https://Example.My.Salesforce.com/"),
        ("https://login.salesforce.com", MY_DOMAIN),
        ("https://login.salesforce.com", "https://na139.salesforce.com"),
        ("https://test.salesforce.com", "https://example--dev.sandbox.my.salesforce.com"),
        ("https://login.salesforce.com:443", MY_DOMAIN),
        ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://crm.example", "https://api.crm.example"),
        ("https://proxy.example", "https://other.company.example"),
    ],
)
def test_hosts_of_the_org_are_believed(login: str, said: str) -> None:
    address = InstanceHosts(["company.example"]).address(said, login)
    assert address == said.rstrip("/").lower()


@pytest.mark.parametrize(
    "said",
    [
        "https://elsewhere.example",
        "https://salesforce.com.elsewhere.example",
        "https://notsalesforce.com",
        "https://salesforce.com@elsewhere.example",
    ],
)
def test_other_hosts_are_named_and_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"no https address|no host of the org's"):
        InstanceHosts().address(said, MY_DOMAIN)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "http://example.my.salesforce.com",
        "https://user@example.my.salesforce.com",
        "https://user:pw@example.my.salesforce.com",
        "https://example.my.salesforce.com/path",
        "https://example.my.salesforce.com//",
        "https://example.my.salesforce.com?q",
        "https://example.my.salesforce.com#f",
        "https://example.my.salesforce.com?",
        "https://example.my.salesforce.com\\@elsewhere.example",
        "https://example.my.salesforce.com\t",
        "\x00https://example.my.salesforce.com",
        "https://exa\nmple.my.salesforce.com",
        "https://[::1",
        "https://a..b.salesforce.com",
        "https://.salesforce.com",
        "https://ex\u00e4mple.my.salesforce.com",
        "https://example.my.salesforce.com:x",
        "https://example.my.salesforce.com:99999",
        "https://example.my.salesforce.com:0",
        "https://" + "a." * 200 + "salesforce.com",
        "//example.my.salesforce.com",
    ],
)
def test_what_is_more_or_less_than_an_https_host_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no https address"):
        InstanceHosts(["salesforce.com"]).address(said, MY_DOMAIN)


def test_a_domain_that_is_allowed_is_no_other_that_ends_alike() -> None:
    hosts = InstanceHosts(["company.example"])
    with pytest.raises(ValueError, match="no host of the org's"):
        hosts.address("https://notcompany.example", MY_DOMAIN)


@pytest.mark.parametrize("kind", [Kind.APP, Kind.EXTERNAL_APP])
@pytest.mark.parametrize(
    ("login", "audience", "named"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com", "login_url"),
        (MY_DOMAIN, "https://test.salesforce.com", "audience"),
        (MY_DOMAIN, MY_DOMAIN, ""),
    ],
)
def test_apps_are_read_once_where_an_address_is_one_of_all_orgs_and_else_not(
    login: str, audience: str, named: str, kind: Kind
) -> None:
    reads = []

    def read_apps() -> list[App | None]:
        reads.append(1)
        return [None, App(kind, "Billing", "", None, None)]

    try:
        refuse_generic_host("production", {"login_url": login, "audience": audience}, read_apps)
        refused = ""
    except ConfigurationError as error:
        refused = error.message
    assert len(reads) == bool(named)
    assert bool(refused) == (bool(named) and kind is Kind.EXTERNAL_APP)
    assert not refused or f"`{named}` says so" in refused
