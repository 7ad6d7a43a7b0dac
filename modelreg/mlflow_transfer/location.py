"""The location of MLflow's data: a server, a SQLite file, or a folder such as ``mlruns``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from modelreg.errors import InvalidInput, SourceNotFound, shown

_SQLITE = "sqlite:///"
_SQLITE_HEADER = b"SQLite format 3\0"
_HINT = "use http://HOST:PORT, sqlite:///mlflow.db, or the path of a SQLite file or an mlruns folder"


class StoreKind(Enum):
    """The kinds of storage that MLflow uses."""

    SERVER = "a server"
    DATABASE = "a SQLite file"
    FOLDER = "a folder"


@dataclass(frozen=True, slots=True)
class Location:
    """A location of MLflow's data; created by `parse`."""

    kind: StoreKind
    uri: str
    """The URI that MLflow accepts."""
    path: Path | None
    """The file or folder; None for a server."""
    has_local_paths: bool = True
    """Whether paths in MLflow's data are paths of this machine; for a server only if the user says so."""

    @classmethod
    def parse(cls, text: str | os.PathLike[str], *, local_paths: bool = False) -> Location:
        """Parse a URI or a path; raises `InvalidInput` for anything else.

        ``local_paths`` states that a server runs on this machine and may name any of its paths.
        """
        address = os.fspath(text)
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", address)
        if scheme is None:
            return cls._from_path(Path(address), address)
        if scheme[1] in ("http", "https") and urlsplit(address).netloc:
            return cls(StoreKind.SERVER, address.rstrip("/"), None, local_paths)
        if address.startswith(_SQLITE):
            return cls._from_database(Path(address.removeprefix(_SQLITE).partition("?")[0]))
        if scheme[1] == "file":
            return cls._from_path(Path(unquote(urlsplit(address).path)), address)
        raise InvalidInput(
            f"{shown(without_password(address))} is not a server, SQLite file or folder of MLflow",
            f"{_HINT}; for another database start 'mlflow server' on it, and use the server's address",
        )

    @classmethod
    def _from_path(cls, path: Path, text: str) -> Location:
        if not text:
            raise InvalidInput("the address is empty", _HINT)
        return cls._from_database(path) if _is_sqlite(path) else cls._from_folder(path)

    @classmethod
    def _from_database(cls, path: Path) -> Location:
        absolute = path.absolute()
        return cls(StoreKind.DATABASE, f"{_SQLITE}{absolute}", absolute)

    @classmethod
    def _from_folder(cls, path: Path) -> Location:
        absolute = path.absolute()
        return cls(StoreKind.FOLDER, absolute.as_uri(), absolute)

    @property
    def shown(self) -> str:
        """The address without a password, for messages and the journal."""
        return without_password(self.uri)

    def check(self) -> None:
        """Raise `SourceNotFound` if there is nothing, and `InvalidInput` if it is not MLflow's."""
        if self.path is None:
            return
        if not self.path.exists():
            raise SourceNotFound(self.path)
        self.check_mlflow_records()

    def is_empty(self) -> bool:
        """Whether MLflow could start here: no file, or an empty one; no folder, or an empty one."""
        if self.path is None:
            return False
        if self.path.is_dir():
            return not any(self.path.iterdir())
        return not self.path.exists() or self.path.stat().st_size == 0

    def check_unambiguous_path(self) -> None:
        """Raise `InvalidInput` for a SQLite path that some libraries would read as another path within a URI."""
        if self.path is not None and self.kind is StoreKind.DATABASE and any(sign in self.uri for sign in "?%"):
            raise InvalidInput(
                f"{shown(str(self.path))} contains '?' or '%', so MLflow would write to another file",
                "rename the file",
            )

    def check_mlflow_records(self) -> None:
        """Raise `InvalidInput` for a file or folder that MLflow did not write."""
        if self.path is None:
            return
        if self.kind is StoreKind.DATABASE and not _is_sqlite(self.path):
            raise InvalidInput(f"{shown(str(self.path))} is not a SQLite file", _HINT)
        if self.kind is StoreKind.FOLDER and not _is_mlruns(self.path):
            candidates = [path for path in (self.path / "mlruns", self.path / "mlflow.db") if path.exists()]
            hint = f"did you mean {candidates[0]}?" if candidates else _HINT
            raise InvalidInput(f"{shown(str(self.path))} contains no data of MLflow", hint)


def without_password(address: str) -> str:
    """Remove the user name and the password from an address."""
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _is_sqlite(path: Path) -> bool:
    """Whether the path is a SQLite file, or has the name of one that is yet to be created."""
    if path.is_dir():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_HEADER))
    except OSError:
        head = b""
    return head == _SQLITE_HEADER or (not head and path.suffix in (".db", ".sqlite", ".sqlite3"))


def _is_mlruns(folder: Path) -> bool:
    """Whether the folder has an experiment or a registered model."""
    return any(folder.glob("*/meta.yaml")) or any(folder.glob("models/*/meta.yaml"))
