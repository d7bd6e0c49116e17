"""The sessions of processes are told apart, however long the names of their hosts are and however alike they begin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.machines.session_names import LONGEST, host_of_holder, is_of, lock_name, session_name

SINCE = "2026-11-23 12:31:47 UTC"
HOSTS = st.text(min_size=1, max_size=80).filter(lambda host: "\x00" not in host and "\n" not in host)
PIDS = st.integers(min_value=1, max_value=4_194_304)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("salesforce-rotator-worker-0", "salesforce-rotator-worker-1"),
        ("rotator-1", "rotator-10"),
        ("a" * 200, "a" * 201),
        ("büro", "bäro"),
        ("büro", "b?ro"),
    ],
)
def test_hosts_whose_names_begin_alike_are_not_one(one: str, another: str) -> None:
    for host, other in ((one, another), (another, one)):
        for name in (session_name(1, host), lock_name(1, host, SINCE)):
            assert (is_of(name, 1, host), is_of(name, 1, other), is_of(name, 2, host)) == (True, False, False)
        assert host_of_holder(1, host) != host_of_holder(1, other)


def test_a_name_that_fits_is_told_as_it_is() -> None:
    assert session_name(811, "crm-1") == "rotator 811 on crm-1"
    assert lock_name(811, "crm-1", SINCE) == f"rotator 811 since {SINCE} on crm-1"
    assert host_of_holder(811, "crm-1") == "crm-1"


@pytest.mark.parametrize("name", ["rotator", "psql", "rotator x on y", "rotator 1 since then on y", ""])
def test_what_is_called_otherwise_is_nobodys(name: str) -> None:
    assert not is_of(name, 1, "y")


@given(pid=PIDS, host=HOSTS)
def test_every_session_is_found_again_by_its_process(pid: int, host: str) -> None:
    for name in (session_name(pid, host), lock_name(pid, host, SINCE)):
        assert len(name.encode("ascii")) <= LONGEST
        assert is_of(name, pid, host)
    assert lock_name(pid, host, SINCE).endswith(f" on {host_of_holder(pid, host)}")
