"""A deployment at work: the files of an archive are written in order, and taken back where that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from rotator.simulator.metadata.package import ALL, MANIFEST, META, ArchiveError, Manifest, parse_file, unpack
from rotator.simulator.metadata.types.changes import Author, Outcome, WarningError
from rotator.simulator.metadata.types.registry import TYPES, type_of
from rotator.simulator.org.components import ComponentError, from_xml
from rotator.simulator.org.schema.certificate import CONTENT
from rotator.simulator.org.snapshot import snapshot
from rotator.simulator.wire.soap import FaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.simulator.metadata.types.metadata_type import MetadataType
    from rotator.simulator.org.jobs import Job
    from rotator.simulator.org.org import Org

DELETIONS: Final = ("destructiveChangesPre.xml", "destructiveChanges.xml", "destructiveChangesPost.xml")
"""Manifests of what is to be deleted; the last one is for after the writes, the others for before."""


@dataclass(frozen=True)
class Options:
    """DeployOptions, by the API's names."""

    allowMissingFiles: bool = False  # noqa: N815 - the API's names, in REST's JSON too
    autoUpdatePackage: bool = False  # noqa: N815
    checkOnly: bool = False  # noqa: N815
    ignoreWarnings: bool = False  # noqa: N815
    performRetrieve: bool = False  # noqa: N815
    purgeOnDelete: bool = False  # noqa: N815
    rollbackOnError: bool = True  # noqa: N815
    singlePackage: bool = False  # noqa: N815
    runTests: tuple[str, ...] = ()  # noqa: N815
    testLevel: str = ""  # noqa: N815
    """Left to the org where it is empty: no tests, as there is no Apex."""

    @classmethod
    def of(cls, sent: Mapping[str, Any]) -> Self:
        """Reads what a client sent, in JSON or as texts of elements."""
        values: dict[str, Any] = {}
        for name, usual in vars(cls()).items():
            value = sent.get(name)
            if value in (None, "", []):
                continue
            if isinstance(usual, bool):
                values[name] = is_true(str(value))
            elif isinstance(usual, tuple):
                values[name] = tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)
            else:
                values[name] = str(value)
        return cls(**values)


def is_true(text: str) -> bool:
    """A boolean as clients write it: simple-salesforce begins it with a capital letter."""
    return text.lower() in {"true", "1"}


@dataclass(frozen=True)
class Message:
    """What became of one file."""

    type: str
    name: str
    file: str
    outcome: Outcome | None = None
    problem: str = ""
    problem_type: Literal["Error", "Warning"] = "Error"
    deleted: bool = False


@dataclass
class Deployment:
    """One deployment and what came of it."""

    org: Org
    archive: bytes
    options: Options
    lose_certificate: bool = False
    messages: list[Message] = field(default_factory=list)
    error: str = ""

    @property
    def failures(self) -> list[Message]:
        """The files that were refused."""
        return [message for message in self.messages if message.problem]

    def perform(self, job: Job) -> None:
        """Writes everything as of the job's due time."""
        restore = snapshot(self.org)
        author = None
        try:
            files = unpack(self.archive, single_package=self.options.singlePackage)
            author = self._author(job, files)
            self._write(author, files)
        except ArchiveError as error:
            self.error = str(error)
        has_failed = bool(self.error or self.failures)
        if has_failed and not self.error and not self.options.rollbackOnError:
            job.status = "SucceededPartial" if len(self.failures) < len(self.messages) else "Failed"
        else:
            job.status = "Failed" if has_failed else "Succeeded"
        if self.options.checkOnly or job.status == "Failed":
            restore()
        elif author:
            author.finish()
            self.org.on_change()

    def _author(self, job: Job, files: Mapping[str, bytes]) -> Author:
        if MANIFEST not in files:
            raise ArchiveError("No package.xml found")
        version = Manifest.parse(files[MANIFEST]).api_version
        if version > self.org.settings.latest_api_version:
            raise ArchiveError(f"Invalid version specified:{version}.0")
        return Author(
            self.org,
            job.user,
            version,
            job.due,
            is_deployment=True,
            ignores_warnings=self.options.ignoreWarnings,
            lose_certificate=self.lose_certificate,
        )

    def _write(self, author: Author, files: Mapping[str, bytes]) -> None:
        for name in DELETIONS[:2]:
            self._delete(author, files, name)
        manifest = Manifest.parse(files[MANIFEST])
        self.messages.append(Message("", MANIFEST, MANIFEST, Outcome("")))
        for type_name in manifest.members:
            if type_name not in TYPES:
                for member in manifest.members[type_name]:
                    self._attempt(author, type_name, member, MANIFEST, lambda _kind: Outcome(""))
        for type_name, kind in TYPES.items():
            self._write_type(author, kind, list(manifest.members.get(type_name, ())), files)
        self._delete(author, files, DELETIONS[2])

    def _write_type(self, author: Author, kind: MetadataType, members: list[str], files: Mapping[str, bytes]) -> None:
        start, end = f"{kind.directory}/", f".{kind.suffix}"
        there = {
            path.removeprefix(start).removesuffix(end): path
            for path in (each.removesuffix(META) for each in files)
            if path.startswith(start) and path.endswith(end)
        }
        for name in members:
            if name != ALL and name not in there and not self.options.allowMissingFiles:
                problem = (
                    f"An object '{name}' of type {kind.name} was named in package.xml, "
                    "but was not found in zipped directory"
                )
                self.messages.append(Message(kind.name, name, MANIFEST, problem=problem))
        for name, path in there.items():
            if name in members or ALL in members or self.options.autoUpdatePackage:
                self._attempt(author, kind.name, name, path, partial(_write_file, author, files, name, path))
            else:
                self.messages.append(Message(kind.name, name, path, problem="Not in package.xml"))

    def _delete(self, author: Author, files: Mapping[str, bytes], manifest_name: str) -> None:
        if manifest_name not in files:
            return
        for type_name, members in Manifest.parse(files[manifest_name]).members.items():
            for name in members:
                self._attempt(
                    author, type_name, name, manifest_name, methodcaller("delete", author, name), deletes=True
                )

    def _attempt(
        self,
        author: Author,
        type_name: str,
        name: str,
        path: str,
        step: Callable[[MetadataType], Outcome],
        *,
        deletes: bool = False,
    ) -> None:
        try:
            outcome = step(type_of(self.org, author.version, type_name))
        except WarningError as warning:
            self.messages.append(Message(type_name, name, path, problem=warning.message, problem_type="Warning"))
        except ComponentError as error:
            self.messages.append(Message(type_name, name, path, problem=error.message))
        except (FaultError, ArchiveError) as error:
            text = error.text.removeprefix("sf:") if isinstance(error, FaultError) else str(error)
            self.messages.append(Message(type_name, name, path, problem=text))
        else:
            self.messages.append(Message(type_name, name, path, outcome, deleted=deletes))


def _write_file(author: Author, files: Mapping[str, bytes], name: str, path: str, kind: MetadataType) -> Outcome:
    described = path + META if kind.is_file else path
    if described not in files:
        raise ArchiveError(f"The file {described} is missing")
    root = parse_file(files[described], described)
    if kind.first_version_of(name) > author.version:
        raise FaultError("INVALID_TYPE", f"Cannot use: {kind.schema_of(name).name} in this version")
    given = from_xml(root, author.version, kind.schema_of(name), author.order)
    given.pop("fullName", None)
    if kind.is_file:
        given[CONTENT] = files.get(path, b"").decode("ascii", "replace")
    return kind.write(author, name, given, "upsert")
