"""One change of the catalog: every method writes its rows and the journal entry that says so."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from modelreg import __version__, clock
from modelreg.catalog import journal, state
from modelreg.catalog.models import find_model, model_id
from modelreg.catalog.snapshot import Snapshot
from modelreg.lifecycle.journal import GENESIS, entry_hash
from modelreg.records.journal import Actor, JournalEntry
from modelreg.records.registration import Description, Provenance
from modelreg.records.signature import Signature
from modelreg.records.transition import StageChange
from modelreg.records.version import ModelFile
from modelreg.references import Digest, ModelName
from modelreg.signatures import signature_as_json

_RETIRED = "SELECT next_version FROM retired_names WHERE name = :name"
_REVIVE = "DELETE FROM retired_names WHERE name = :name"
_RETIRE = "INSERT INTO retired_names (name, next_version) SELECT name, next_version FROM models WHERE id = :model"
_ADD_MODEL = """
INSERT INTO models (name, next_version, created_by, created_at, updated_at)
VALUES (:name, :next_version, :created_by, :at, :at)
"""
_TAKE_NUMBER = """
UPDATE models SET next_version = next_version + 1, updated_at = :at WHERE id = :model
RETURNING next_version - 1 AS version
"""
_ADD_VERSION = """
INSERT INTO versions (model, version, description, digest, size, flavor, format, model_class, signature, source,
                      run_id, git_commit, git_dirty, ci_job, environment, created_by, created_at, updated_at)
VALUES (:model, :version, :description, :digest, :size, :flavor, :format, :model_class, :signature, :source,
        :run_id, :git_commit, :git_dirty, :ci_job, :environment, :created_by, :at, :at)
"""
_ADD_FILE = "INSERT INTO files (model, version, path, digest, size) VALUES (?, ?, ?, ?, ?)"
_ADD_METRIC = "INSERT INTO metrics (model, version, name, value) VALUES (?, ?, ?, ?)"
_ADD_PARAM = "INSERT INTO params (model, version, name, value) VALUES (?, ?, ?, ?)"
_PUT_VERSION_TAG = "INSERT OR REPLACE INTO version_tags (model, version, name, value) VALUES (?, ?, ?, ?)"
_PUT_ALIAS = "INSERT OR REPLACE INTO aliases (model, alias, version) VALUES (:model, :alias, :version)"
_DESCRIBE_VERSION = """
UPDATE versions SET description = :description WHERE model = :model AND version = :version
"""
_SET_STAGE = "UPDATE versions SET stage = :stage WHERE model = :model AND version = :version"
_TOUCH_VERSION = "UPDATE versions SET updated_at = :at WHERE model = :model AND version = :version"
_TOUCH_MODEL = "UPDATE models SET updated_at = :at WHERE id = :model"
_DELETE_VERSION = "DELETE FROM versions WHERE model = :model AND version = :version"
_DELETE_MODEL = "DELETE FROM models WHERE id = :model"


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Everything about a version that is known when it is registered."""

    digest: Digest
    files: tuple[ModelFile, ...]
    described: Description
    signature: Signature | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    description: str
    provenance: Provenance


class Change(Snapshot):
    """Reads and changes the catalog in one transaction; made by `Catalog.writing`."""

    def __init__(self, connection: sqlite3.Connection, actor: Actor, message: str | None) -> None:
        super().__init__(connection)
        self._actor = actor
        self._message = message
        self._head = journal.last(connection)
        self._batch = self._head.seq + 1 if self._head else 1
        moment = clock.now()
        self.moment = max(moment, self._head.at) if self._head else moment  # a clock that was set back changes nothing
        self._at = clock.as_text(self.moment)

    def add_version(self, name: ModelName, new: NewVersion) -> int:
        """Add a version, and the model if it is new; returns the version's number.

        Raises `NameTaken` when a model's name differs from ``name`` in case only.
        """
        model, is_new = self._find_or_add_model(name)
        version: int = self._first(_TAKE_NUMBER, model=model, at=self._at)["version"]
        self._connection.execute(_ADD_VERSION, self._version_values(model, version, new))
        self._add_many(_ADD_FILE, model, version, ((file.path, file.digest, file.size) for file in new.files))
        self._add_many(_ADD_METRIC, model, version, new.metrics.items())
        self._add_many(_ADD_PARAM, model, version, new.params.items())
        self._add_many(_PUT_VERSION_TAG, model, version, new.tags.items())
        self._journal(
            "register",
            model,
            version,
            model_fields=state.ALL if is_new else ("next_version", "updated_at"),
            version_fields=state.ALL,
        )
        return version

    def set_stage(self, name: ModelName, change: StageChange) -> None:
        """Put one version into another stage."""
        model = model_id(self._connection, name)
        self._update(_SET_STAGE, model, change.version, stage=change.to_stage.value)
        self._journal("transition", model, change.version, version_fields=("stage", "updated_at"), stages=change)

    def describe_version(self, name: ModelName, version: int, description: str) -> None:
        """Replace a version's description."""
        model = model_id(self._connection, name)
        self._update(_DESCRIBE_VERSION, model, version, description=description)
        self._journal("describe", model, version, version_fields=("description", "updated_at"))

    def tag_version(self, name: ModelName, version: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version, those that it has already among them."""
        model = model_id(self._connection, name)
        self._add_many(_PUT_VERSION_TAG, model, version, tags.items())
        self._update(_TOUCH_VERSION, model, version)
        self._journal("tag", model, version, version_fields=("tags", "updated_at"))

    def set_alias(self, name: ModelName, alias: str, version: int) -> None:
        """Let ``alias`` mean ``version``, whatever it meant before."""
        model = model_id(self._connection, name)
        self._update(_PUT_ALIAS, model, version, alias=alias)
        self._journal("alias", model, version, model_fields=("aliases", "updated_at"), version_fields=("updated_at",))

    def delete_version(self, name: ModelName, version: int) -> None:
        """Take a version out of the catalog; its number is never given out again."""
        model = model_id(self._connection, name)
        self._connection.execute(_DELETE_VERSION, {"model": model, "version": version})
        self._connection.execute(_TOUCH_MODEL, {"model": model, "at": self._at})
        self._journal("delete", model, version, model_fields=("updated_at",), version_fields=None)

    def delete_model(self, name: ModelName) -> None:
        """Take a model without versions out of the catalog; its counter is kept for a model of the same name."""
        model = model_id(self._connection, name)
        self._connection.execute(_RETIRE, {"model": model})
        self._connection.execute(_DELETE_MODEL, {"model": model})
        self._journal("delete", model, model_fields=None, name=name)

    def _first(self, query: str, **values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()

    def _find_or_add_model(self, name: ModelName) -> tuple[int, bool]:
        self.refuse_other_case(name)
        known = find_model(self._connection, name)
        if known is not None:
            return known, False
        retired = self._first(_RETIRED, name=name)
        self._connection.execute(_REVIVE, {"name": name})
        values = {
            "name": name,
            "next_version": retired["next_version"] if retired else 1,
            "created_by": self._actor.user,
            "at": self._at,
        }
        model = self._connection.execute(_ADD_MODEL, values).lastrowid
        assert model is not None
        return model, True

    def _version_values(self, model: int, version: int, new: NewVersion) -> dict[str, Any]:
        observed = asdict(new.provenance)
        return observed | {
            "model": model,
            "version": version,
            "description": new.description,
            "digest": new.digest,
            "size": sum(file.size for file in new.files),
            "flavor": new.described.flavor,
            "format": new.described.format,
            "model_class": new.described.model_class,
            "signature": new.signature and _as_text(signature_as_json(new.signature)),
            "environment": _as_text(observed["environment"]),
            "created_by": self._actor.user,
            "at": self._at,
        }

    def _add_many(self, statement: str, model: int, version: int, rows: Iterable[tuple[Any, ...]]) -> None:
        self._connection.executemany(statement, ((model, version, *row) for row in rows))

    def _update(self, statement: str, model: int, version: int, **values: Any) -> None:
        scope = {"model": model, "version": version, "at": self._at}
        for each in (statement, _TOUCH_VERSION, _TOUCH_MODEL):
            self._connection.execute(each, scope | values)

    def _journal(
        self,
        action: str,
        model: int,
        version: int | None = None,
        *,
        model_fields: Iterable[str] | None = ("updated_at",),
        version_fields: Iterable[str] | None = (),
        stages: StageChange | None = None,
        name: ModelName | None = None,
    ) -> None:
        """Append an entry with the present values of the fields that changed; None stands for a deletion."""
        after: dict[str, Any] = {"model": model_fields and state.of_model(self._connection, model, model_fields)}
        if version is not None:
            after["version"] = version_fields and state.of_version(self._connection, model, version, version_fields)
        previous = self._head
        unsigned = JournalEntry(
            seq=previous.seq + 1 if previous else 1,
            at=self.moment,
            batch=self._batch,
            action=action,
            model=model,
            name=name or self._first("SELECT name FROM models WHERE id = :model", model=model)["name"],
            version=version,
            from_stage=None if stages is None else stages.from_stage,
            to_stage=None if stages is None else stages.to_stage,
            message=self._message,
            user=self._actor.user,
            claimed_user=self._actor.claimed_user,
            ci_job=self._actor.ci_job,
            tool=f"modelreg {__version__}",
            after=_as_text(after),
            previous_hash=previous.hash if previous else GENESIS,
            hash="",
        )
        self._head = replace(unsigned, hash=entry_hash(unsigned))
        journal.append(self._connection, self._head)


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
