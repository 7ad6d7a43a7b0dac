"""Where MLflow keeps its records: a server, a SQLite file, or a folder such as ``mlruns``."""

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
_HINT = "write http://HOST:PORT, sqlite:///mlflow.db, or the path of a SQLite file or an mlruns folder"


class StoreKind(Enum):
    """In what MLflow keeps its records."""

    SERVER = "a server"
    DATABASE = "a SQLite file"
    FOLDER = "a folder"


@dataclass(frozen=True, slots=True)
class Location:
    """Where MLflow's records are; made by `parse`."""

    kind: StoreKind
    uri: str
    """As MLflow takes it."""
    path: Path | None
    """The file or folder; None for a server."""
    has_local_paths: bool = True
    """Whether the paths that the records name are paths of this machine; of a server only where the user says so."""

    @classmethod
    def parse(cls, text: str | os.PathLike[str], *, local_paths: bool = False) -> Location:
        """Read an address or a path; raises `InvalidInput` for what is neither.

        ``local_paths`` says of a server that it runs on this machine and may name any path of it.
        """
        address = os.fspath(text)
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", address)
        if scheme is None:
            return cls._of_path(Path(address), address)
        if scheme[1] in ("http", "https") and urlsplit(address).netloc:
            return cls(StoreKind.SERVER, address.rstrip("/"), None, local_paths)
        if address.startswith(_SQLITE):
            return cls._of_database(Path(address.removeprefix(_SQLITE).partition("?")[0]))
        if scheme[1] == "file":
            return cls._of_path(Path(unquote(urlsplit(address).path)), address)
        raise InvalidInput(
            f"{shown(without_password(address))} is no server, SQLite file or folder of MLflow",
            f"{_HINT}; for another database start 'mlflow server' on it, and name that",
        )

    @classmethod
    def _of_path(cls, path: Path, text: str) -> Location:
        if not text:
            raise InvalidInput("an empty address was given", _HINT)
        return cls._of_database(path) if _is_sqlite(path) else cls._of_folder(path)

    @classmethod
    def _of_database(cls, path: Path) -> Location:
        whole = path.absolute()
        return cls(StoreKind.DATABASE, f"{_SQLITE}{whole}", whole)

    @classmethod
    def _of_folder(cls, path: Path) -> Location:
        whole = path.absolute()
        return cls(StoreKind.FOLDER, whole.as_uri(), whole)

    @property
    def shown(self) -> str:
        """The address as it may be shown and written down: without a password."""
        return without_password(self.uri)

    def require(self) -> None:
        """Raise `SourceNotFound`, or `InvalidInput` for a file or folder in which MLflow keeps nothing."""
        if self.path is None:
            return
        if not self.path.exists():
            raise SourceNotFound(self.path)
        self.require_mlflow_records()

    def is_empty(self) -> bool:
        """Whether MLflow could begin there: no file, or one of no bytes; no folder, or an empty one."""
        if self.path is None:
            return False
        if self.path.is_dir():
            return not any(self.path.iterdir())
        return not self.path.exists() or self.path.stat().st_size == 0

    def refuse_address_of_another_file(self) -> None:
        """Raise `InvalidInput` for a SQLite file whose name means another one within an address, to some libraries."""
        if self.path is not None and self.kind is StoreKind.DATABASE and any(sign in self.uri for sign in "?%"):
            raise InvalidInput(
                f"{shown(str(self.path))} has '?' or '%' in it, and MLflow would write to another file",
                "give the file another name",
            )

    def require_mlflow_records(self) -> None:
        """Raise `InvalidInput` for a file or folder that others than MLflow wrote."""
        if self.path is None:
            return
        if self.kind is StoreKind.DATABASE and not _is_sqlite(self.path):
            raise InvalidInput(f"{shown(str(self.path))} is no SQLite file", _HINT)
        if self.kind is StoreKind.FOLDER and not _is_mlruns(self.path):
            within = [path for path in (self.path / "mlruns", self.path / "mlflow.db") if path.exists()]
            hint = f"perhaps {within[0]} is meant" if within else _HINT
            raise InvalidInput(f"{shown(str(self.path))} holds no records of MLflow", hint)


def without_password(address: str) -> str:
    """The address without the user's name and password, if it has them."""
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _is_sqlite(path: Path) -> bool:
    """Whether it is a SQLite file, or is named as one that is yet to be written."""
    if path.is_dir():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE_HEADER))
    except OSError:
        head = b""
    return head == _SQLITE_HEADER or (not head and path.suffix in (".db", ".sqlite", ".sqlite3"))


def _is_mlruns(folder: Path) -> bool:
    """Whether it has an experiment or a registered model."""
    return any(folder.glob("*/meta.yaml")) or any(folder.glob("models/*/meta.yaml"))
