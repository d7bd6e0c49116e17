"""The installation's key, and how far it has signed: both beside the state, neither in the database.

Each event is signed when it is written, and when its transaction has ended the head is noted in a file. So who can
write the database and not this machine's files can add no event, change none, and cut none off the end unseen.

The note is replaced only by a later head of the same chain. One that is not in the chain any more is kept: it is the
proof that something was cut off or written anew.
"""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import make_url

from rotator.core.secret import Secret
from rotator.errors import CertificateError, ConfigurationError, HistoryError
from rotator.history.installation import prepared, state_folder
from rotator.history.signing.heads import Head, heads_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rotator.config.database import HistorySettings
    from rotator.core.crypto.signatures import PublicKey, SigningKey

_LARGEST: Final = 1 << 16
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Signer:
    """Signs what the installation writes. Threads may share it. The key is read, or made, when it is first needed."""

    def __init__(
        self, key_file: Path, *, configured: Callable[[], Secret] | None = None, trusted: Collection[str] = ()
    ) -> None:
        """`configured` gives a key in PEM in the place of that in the file; `trusted` public keys count, too."""
        self.key_file: Final = key_file
        """Where the key is made, and read unless another is configured."""
        self._configured: Final = configured
        self._trusted: Final = trusted
        self._key: SigningKey | None = None
        self._loading: Final = threading.Lock()
        self.note: Final = key_file.with_suffix(".head")
        """The file with the last head that was signed here."""

    @classmethod
    def configured(cls, settings: HistorySettings, database: str, environ: Mapping[str, str]) -> Self:
        """The signer that `history:` asks for, of the database with this URL."""
        key = partial(settings.signing_key.resolve, environ) if settings.signing_key else None
        return cls(key_file(database, environ), configured=key, trusted=settings.trusted_keys)

    def key(self) -> SigningKey:
        """The key; a new one where there was none. Raises HistoryError for one that cannot be read or made."""
        with self._loading:
            if self._key is None:
                self._key = self._load() or self._make()
            return self._key

    def keys(self) -> dict[str, PublicKey]:
        """Whose signatures count, by the keys' ids; none is made. Raises HistoryError for one that cannot be read."""
        from rotator.core.crypto.signatures import PublicKey  # noqa: PLC0415 - it costs every command 70 ms

        with self._loading:
            own = self._key = self._key or self._load()
        trusted = [PublicKey.parse(text) for text in self._trusted]
        return {key.id: key for key in [*trusted, *([own.public] if own else [])]}

    def public_key(self) -> str:
        """The installation's public key, for people; empty where there is no key yet. Raises HistoryError."""
        self.keys()
        return self._key.public.text if self._key else ""

    def sign_event(self, event_hash: str) -> tuple[str, str]:
        """The signature of an event, and the id of the key."""
        key = self.key()
        return key.sign(signed_of_event(event_hash)), key.public.id

    def last_head(self) -> Head | None:
        """The last head that was noted; None where none was, or what is there is none."""
        try:
            return next(heads_in(self.note.read_text("ascii")), None)
        except (OSError, ValueError):
            return None

    def note_head(self, head: Head) -> None:
        """Notes how far the chain is signed, whole or not at all. That it cannot be noted keeps nobody from working."""
        # Not synchronised: an older head that a power cut leaves there is as true.
        with suppress(OSError), prepared(self.note, f"{head}\n") as new:
            new.replace(self.note)

    def _load(self) -> SigningKey | None:
        from rotator.core.crypto.signatures import SigningKey  # noqa: PLC0415

        try:
            pem = self._configured() if self._configured else _read(self.key_file)
            return SigningKey.from_pem(pem) if pem else None
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror or type(error).__name__}") from None
        except (ConfigurationError, CertificateError) as error:
            raise HistoryError(error.message, effect="Nothing was written.", hint=error.hint) from None

    def _make(self) -> SigningKey:
        from rotator.core.crypto.signatures import SigningKey  # noqa: PLC0415

        key = SigningKey.generate()
        try:
            self.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with prepared(self.key_file, key.pem().reveal(), synchronised=True) as new:
                # A link fails where somebody else was faster, and then theirs is the installation's key.
                os.link(new, self.key_file)
        except FileExistsError:
            return self._load() or key
        except OSError as error:
            raise self._unusable(f"cannot be made: {error.strerror or type(error).__name__}") from None
        return key

    def _unusable(self, why: str) -> HistoryError:
        return HistoryError(
            f"The key that signs the history, {self.key_file}, {why}.",
            effect="Nothing was written.",
            hint="Run this as the user who owns it, or name another key under `history: {signing_key: ...}`.",
        )


def key_file(database: str, environ: Mapping[str, str]) -> Path:
    """Where the key is made for a database, by its URL: beside a SQLite file, or in the machine's state folder."""
    url = make_url(database)
    if url.drivername == "sqlite":
        return Path(f"{url.database}.key")
    name = "".join(each if each.isalnum() or each in ".-" else "_" for each in f"{url.host or ''}-{url.database}")
    return state_folder(environ) / f"history-{name}.key"


def signed_of_event(event_hash: str) -> bytes:
    """What is signed of an event: its hash covers all of it, and all before it."""
    return f"rotator event 1 {event_hash}".encode("utf-8", "replace")


def _read(file: Path) -> Secret | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) or mode & _OTHERS:
            raise ConfigurationError(
                f"The key that signs the history, {file}, can be read by others (mode {stat.S_IMODE(mode):04o}).",
                hint=f"Type: chmod 600 {file}",
            )
        return Secret(os.read(descriptor, _LARGEST).decode("ascii", "replace"))
    finally:
        os.close(descriptor)
