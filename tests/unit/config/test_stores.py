"""Kinds of stores are found by name, and what is wrong with one is a sentence."""

import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from rotator.config.section import StoreSettings
from rotator.config.stores import BUILT_IN, GROUP, NoSuchKind, kind_names, load_kind, settings_of

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


class Settings(StoreSettings):
    path: str


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path; what is loaded from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(packages: Path, package: str, entry: str) -> None:
    information = packages / f"{package}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")


def refusal(name: str) -> str:
    with pytest.raises(NoSuchKind) as caught:
        load_kind(name)
    return str(caught.value)


def test_what_is_built_in_is_registered_as_any_plug_in() -> None:
    registered = tomllib.loads(PROJECT.read_text())["project"]["entry-points"][GROUP]
    assert registered == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_kind_can_be_loaded(name: str) -> None:
    assert issubclass(settings_of(name), StoreSettings)
    assert name in kind_names()


def test_a_built_in_kind_cannot_be_replaced(packages: Path) -> None:
    install(packages, "impostor", "files = impostor:KIND")
    assert load_kind("files").settings.__name__ == "FilesStoreSettings"


def test_a_kind_in_two_packages_is_nobodys(packages: Path) -> None:
    install(packages, "one", "gcp-of-two = one:KIND")
    install(packages, "other", "gcp-of-two = other:KIND")
    told = refusal("gcp-of-two")
    assert "the kind `gcp-of-two` is in several packages" in told
    assert "of one 1.0" in told
    assert "of other 1.0" in told


@pytest.mark.parametrize("attribute", ["nothing", "Settings"])
def test_a_plug_in_that_is_no_kind_of_store_is_refused(
    packages: Path, monkeypatch: pytest.MonkeyPatch, attribute: str
) -> None:
    module = ModuleType("strange")
    vars(module).update(nothing=None, Settings=Settings)
    monkeypatch.setitem(sys.modules, "strange", module)
    install(packages, "strange", f"strange-{attribute} = strange:{attribute}")
    assert "is not a rotator.stores.plugins.StoreKind" in refusal(f"strange-{attribute}")


def test_a_plug_in_that_fails_is_quoted_in_its_first_line(packages: Path) -> None:
    (packages / "failing.py").write_text("raise RuntimeError('no licence.\\nsecond line')\n")
    install(packages, "failing", "failing = failing:KIND")
    assert refusal("failing").endswith("cannot be loaded: RuntimeError: no licence")


def test_what_was_loaded_is_kept() -> None:
    assert load_kind("files") is load_kind("files")
