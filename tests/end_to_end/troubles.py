"""What tests of wrong input have in common: how an error must look, and a configuration with something wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.end_to_end.processes import Ran
    from tests.end_to_end.strangers import Folder


def refused(ran: Ran, code: int, *words: str) -> None:
    """It ended with this exit code and an error that says what happened, and what to do."""
    assert ran.code == code, ran
    assert "\nError: " in f"\n{ran.err}"
    assert "\nWhat to do: " in ran.err
    for word in words:
        assert word in ran.err


def production(folder: Folder, **changes: Any) -> Folder:
    """The same configuration with the production org's section changed."""
    settings = folder.read()
    orgs = {**settings["orgs"], "production": settings["orgs"]["production"] | changes}
    return folder.configured("changed.yaml", orgs=orgs)


def login_of(folder: Folder) -> dict[str, Any]:
    login: dict[str, Any] = folder.read()["orgs"]["production"]["login"]
    return login
