"""Who did something: what the system knows, and apart from it what was claimed."""

from __future__ import annotations

import pytest

from rotator.core.actor import Actor


@pytest.mark.parametrize(
    ("actor", "shown"),
    [
        (Actor("ada@host7"), "ada@host7"),
        (Actor("ada@host7", 1000, 1000, "ada", ""), "ada@host7"),
        (Actor("ada@host7", 1000, None, "", "ada"), "ada@host7"),
        (Actor("root@host7", 0, 1000, "ada", "ada"), "root@host7 (logged in as ada)"),
        (Actor("root@host7", 0, None, "", "ada"), "root@host7 (claims to be ada)"),
        (Actor("ada@host7", 1000, 1000, "ada", "ceo"), "ada@host7 (claims to be ceo)"),
        (Actor("root@host7", 0, 1000, "ada", "ceo"), "root@host7 (logged in as ada, claims to be ceo)"),
        (Actor("root@host7", 0, 1000, "", ""), "root@host7 (logged in as 1000)"),
    ],
)
def test_people_see_who_it_was_before_who_it_claims_to_be(actor: Actor, shown: str) -> None:
    assert str(actor) == shown


def test_what_is_known_is_kept_apart_root_included() -> None:
    known = {"actor": "root@host7", "uid": 0, "login_uid": 1000, "login_name": "ada", "claimed_name": "ceo"}
    assert Actor("root@host7", 0, 1000, "ada", "ceo").details() == known
    assert Actor("rotator on host7").details() == {"actor": "rotator on host7"}
