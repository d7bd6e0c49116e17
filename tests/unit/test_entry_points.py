"""Plug-ins are found by name, and what is wrong with one is a sentence."""

import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from rotator.config.plugins import channel_settings, store_settings
from rotator.config.section import ChannelSettings, StoreSettings
from rotator.entry_points import CHANNELS, STORES, NoSuchPlugin, PluginGroup
from rotator.stores.plugins import StoreKind, StorePlugin, store_plugin
from tests.tiers import longer

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
GROUPS = [STORES, CHANNELS]


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
    (information / "entry_points.txt").write_text(f"[{STORES.name}]\n{entry}\n")


def install_module(packages: Path, monkeypatch: pytest.MonkeyPatch, name: str, plugin: object) -> None:
    """A package whose plug-in is this object."""
    module = ModuleType(f"module_of_{name}")
    vars(module).update(PLUGIN=plugin)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    install(packages, name, f"{name} = {module.__name__}:PLUGIN")


def refusal(name: str) -> str:
    with pytest.raises(NoSuchPlugin) as caught:
        store_settings(name)
    return str(caught.value)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_what_is_built_in_is_registered_as_any_plug_in(group: PluginGroup) -> None:
    registered = tomllib.loads(PROJECT.read_text())["project"]["entry-points"][group.name]
    assert registered == group.built_in


@pytest.mark.parametrize("name", STORES.built_in)
def test_every_built_in_store_can_be_loaded(name: str) -> None:
    assert issubclass(store_settings(name), StoreSettings)
    assert name in STORES.names()


@pytest.mark.parametrize("name", CHANNELS.built_in)
def test_every_built_in_channel_can_be_loaded(name: str) -> None:
    assert issubclass(channel_settings(name), ChannelSettings)
    assert name in CHANNELS.names()


def test_a_built_in_plug_in_cannot_be_replaced(packages: Path) -> None:
    install(packages, "impostor", "files = impostor:PLUGIN")
    assert store_settings("files").__name__ == "FilesStoreSettings"


@longer
def test_most_commands_search_no_metadata() -> None:
    program = (
        "import importlib.metadata\n"
        "searched = []\n"
        "importlib.metadata.entry_points = lambda **wanted: searched.append(wanted.get('group')) or []\n"
        "from rotator.config.plugins import channel_settings, store_settings\n"
        f"for name in {[*STORES.built_in]}: store_settings(name)\n"
        f"for name in {[*CHANNELS.built_in]}: channel_settings(name)\n"
        "print([group for group in searched if str(group).startswith('rotator')])\n"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_a_plug_in_of_two_packages_is_nobodys(packages: Path) -> None:
    install(packages, "one", "gcp-of-two = one:PLUGIN")
    install(packages, "other", "gcp-of-two = other:PLUGIN")
    told = refusal("gcp-of-two")
    assert "the type of store `gcp-of-two` is in several packages" in told
    assert "of one 1.0" in told
    assert "of other 1.0" in told


@pytest.mark.parametrize("plugin", [None, Settings])
def test_what_is_no_plug_in_is_refused(packages: Path, monkeypatch: pytest.MonkeyPatch, plugin: object) -> None:
    name = f"strange{type(plugin).__name__}"
    install_module(packages, monkeypatch, name, plugin)
    assert "is not a rotator.stores.plugins.StorePlugin" in refusal(name)


def test_a_plug_in_that_fails_is_quoted_in_its_first_line(packages: Path) -> None:
    (packages / "failing.py").write_text("raise RuntimeError('no licence.\\nsecond line')\n")
    install(packages, "failing", "failing = failing:PLUGIN")
    assert refusal("failing").endswith("cannot be loaded: RuntimeError: no licence")


def test_settings_that_cannot_be_imported_are_told_like_a_plug_in_that_cannot(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settings() -> type[Settings]:
        raise ImportError("No module named 'azure'")

    install_module(packages, monkeypatch, "unsettled", StorePlugin(settings, lambda *_: None))  # type: ignore[arg-type]
    assert refusal("unsettled").endswith("cannot be loaded: ImportError: No module named 'azure'")


def test_settings_of_another_sort_are_told(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_module(packages, monkeypatch, "shapeless", StorePlugin(lambda: dict, lambda *_: None))  # type: ignore[arg-type]
    assert refusal("shapeless").endswith("TypeError: its settings are no rotator.config.section.StoreSettings")


def test_a_plug_in_for_the_release_before_is_taken_with_a_warning(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.warns(DeprecationWarning, match="StorePlugin"):
        kind = StoreKind(Settings, lambda *_: None)  # type: ignore[arg-type]
    install_module(packages, monkeypatch, "older", kind)
    assert store_settings("older") is Settings
    assert store_plugin("older").reader is None


def test_what_was_loaded_is_kept() -> None:
    assert store_plugin("files") is store_plugin("files")
