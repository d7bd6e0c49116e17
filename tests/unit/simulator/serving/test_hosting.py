"""What the orgs can be called, and from which port on they listen."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from rotator.cli.commands.simulator import serve
from rotator.errors import ConfigurationError
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving.hosting import hosted


@pytest.mark.parametrize(
    "name",
    [
        *("", "a_b", "a..b", "-a.example", "https://x.example", "x.example:443", "x.example/", "é.example"),
        *("127.0.0.1", "::1", "localhost", "LOGIN.salesforce.com", "test.salesforce.com", "a" * 64, "a." * 127 + "a"),
    ],
)
def test_what_no_org_alone_can_be_called_is_refused_before_anything_is_started(name: str) -> None:
    with (
        pytest.raises(ConfigurationError, match="cannot be the host name") as refused,
        hosted(OrgSettings(), port=0, hosts=("acme.my.salesforce.com", name)),
    ):
        pass
    assert refused.value.effect == "Nothing was started."


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--port", value) for value in ("-1", "65535", "99999")),
        *(("--propagation", value) for value in ("-1", "nan", "inf", "1e12")),
        *(("--flap", value) for value in ("-0.1", "1.1", "nan")),
    ],
)
def test_a_number_that_cannot_be_meant_is_refused_by_its_option(option: str, value: str) -> None:
    told = CliRunner().invoke(serve, [option, value])
    assert told.exit_code == 2
    assert f"Invalid value for '{option}'" in told.output
