"""What ships with the program beside its modules: pages of documentation, the example configuration, migrations.

A wheel has them inside the package, with an underscore before the name; the source tree has them beside the package.
So messages name a page by the command that prints it, which is right for both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, get_args

import rotator
from rotator.errors import ConfigurationError, RotatorError

Page = Literal[
    "alerts",
    "architecture",
    "consumers",
    "operations",
    "performance",
    "salesforce-setup",
    "security",
    "simulator",
    "stores",
]
"""A page of docs/, without `.md`."""

EXAMPLE: Final = "`rotator config example`"
"""How a message names the configuration that shows every option."""


def docs(page: Page) -> str:
    """How a message names a page of the documentation."""
    return f"`rotator docs {page}`"


def pages() -> dict[str, str]:
    """The title of each page, by its name. Raises RotatorError when the installation lacks one."""
    return {name: read_page(name).partition("\n")[0].removeprefix("# ") for name in get_args(Page)}


def read_page(name: str) -> str:
    """A page of the documentation, in Markdown; `name` may also be its path, as other pages give it.

    Raises ConfigurationError for a page that there is not, RotatorError when the installation lacks it.
    """
    page = name.removeprefix("docs/").removesuffix(".md")
    if page not in get_args(Page):
        raise ConfigurationError(
            f"There is no page `{name}`.",
            effect="Nothing was touched.",
            hint=f"Name one of {', '.join(get_args(Page))}.",
        )
    return _read(f"docs/{page}.md", f"page {page}")


def example_configuration() -> str:
    """config.yaml.example. Raises RotatorError when the installation lacks it."""
    return _read("config.yaml.example", "example configuration")


def project_files() -> dict[str, str]:
    """The files of docs/salesforce-project, by their paths in it. Raises RotatorError when they are not installed."""
    name = "docs/salesforce-project"
    folder = _place(name, "files for Salesforce's command line")
    return {str(file.relative_to(folder)): file.read_text("utf-8") for file in sorted(folder.rglob("*.*"))}


def resource(name: str) -> Path | None:
    """Where a file or folder is that the source tree has under this name; None when the installation lacks it."""
    package = Path(rotator.__file__).parent
    places = (package / f"_{name}", package.parent / name)
    return next((place for place in places if place.exists()), None)


def _read(name: str, what: str) -> str:
    return _place(name, what).read_text(encoding="utf-8")


def _place(name: str, what: str) -> Path:
    place = resource(name)
    if place is None:
        raise RotatorError(
            f"This installation of rotator in {Path(rotator.__file__).parent} lacks its {what}.",
            effect="Nothing was touched.",
            hint="Install rotator again.",
        )
    return place
