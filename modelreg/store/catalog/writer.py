"""Changing the catalog: every method writes its rows and the matching journal entry, in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from modelreg import __version__
from modelreg.domain.confinement import Permissions
from modelreg.domain.evaluations import Evaluation, Scores
from modelreg.domain.facts import Facts
from modelreg.domain.journal import (
    ADD_GATE,
    ALIAS,
    APPROVE,
    CREATE,
    DELETE,
    DESCRIBE,
    DISTRUST,
    END_RUN,
    EVALUATE,
    IMPORT,
    LOAD,
    LOG,
    LOG_MODEL,
    MIGRATE,
    REFUSE,
    REGISTER,
    REMOVE_GATE,
    RENAME,
    SET,
    START_RUN,
    TAG,
    TRANSITION,
    TRUST,
    WITHDRAW,
    Actor,
    JournalEntry,
)
from modelreg.domain.references import Digest, ModelName
from modelreg.domain.registrations import Provenance, RecognisedModel
from modelreg.domain.runs import RUNNING, LoggedModel
from modelreg.domain.scans import Scan
from modelreg.domain.signatures import signature_as_json
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.transitions import StageChange
from modelreg.domain.versions import READY, ModelFile, ModelVersion
from modelreg.errors import ModelExists, quoted
from modelreg.store.catalog import state
from modelreg.store.catalog.journal_chain import GENESIS, Values, entry_hash
from modelreg.store.catalog.queries import evaluations, gates, journal, runs, trust
from modelreg.store.catalog.queries.models import find_model, model_id
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.schema import drop_strict_indexes
from modelreg.system import clock

NO_MODEL = 0
"""The model id in a journal entry that concerns no model."""

_RETIRED = "SELECT next_version FROM retired_names WHERE name = :name"
_UNRETIRE = "DELETE FROM retired_names WHERE name = :name"
_RETIRE = "INSERT INTO retired_names (name, next_version) SELECT name, next_version FROM models WHERE id = :model"
_ADD_MODEL = """
INSERT INTO models (name, next_version, created_by, created_at, updated_at)
VALUES (:name, :next_version, :created_by, :at, :at)
"""
_NEXT_NUMBER = """
UPDATE models SET next_version = next_version + 1, updated_at = :at WHERE id = :model
RETURNING next_version - 1 AS version
"""
_USE_NUMBER = """
UPDATE models SET next_version = max(next_version, :version + 1), updated_at = :at WHERE id = :model
RETURNING :version AS version
"""
_ADD_VERSION = """
INSERT INTO versions (model, version, status, description, digest, size, flavor, format, model_class, signature, scan,
                      scan_reasons, source, run_id, git_commit, git_branch, git_dirty, ci_job, environment, created_by,
                      created_at, updated_at)
VALUES (:model, :version, :status, :description, :digest, :size, :flavor, :format, :model_class, :signature, :scan,
        :scan_reasons, :source, :run_id, :git_commit, :git_branch, :git_dirty, :ci_job, :environment, :created_by, :at,
        :at)
"""
_ADD_SETTING = "INSERT INTO settings (name, value) VALUES (?, ?)"
_PUT_SETTING = """
INSERT INTO settings (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_ADD_IMPORT = "INSERT INTO imports (model, version, module, name, verdict, attribute) VALUES (?, ?, ?, ?, ?, ?)"
_ADD_FILE = "INSERT INTO files (model, version, path, digest, size) VALUES (?, ?, ?, ?, ?)"
_ADD_METRIC = "INSERT INTO metrics (model, version, name, value) VALUES (?, ?, ?, ?)"
_ADD_PARAM = "INSERT INTO params (model, version, name, value) VALUES (?, ?, ?, ?)"
_PUT_VERSION_TAG = "INSERT OR REPLACE INTO version_tags (model, version, name, value) VALUES (?, ?, ?, ?)"
_PUT_ALIAS = "INSERT OR REPLACE INTO aliases (model, alias, version) VALUES (:model, :alias, :version)"
_PUT_MODEL_TAG = "INSERT OR REPLACE INTO model_tags (model, name, value) VALUES (?, ?, ?)"
_REMOVE_VERSION_TAG = "DELETE FROM version_tags WHERE model = ? AND version = ? AND name = ?"
_REMOVE_MODEL_TAG = "DELETE FROM model_tags WHERE model = ? AND name = ?"
_REMOVE_ALIAS = "DELETE FROM aliases WHERE model = :model AND alias = :alias"
_REMOVE_ALIASES = "DELETE FROM aliases WHERE model = :model AND version = :version"
_DESCRIBE_MODEL = "UPDATE models SET description = :description WHERE id = :model"
_DESCRIBE_VERSION = """
UPDATE versions SET description = :description WHERE model = :model AND version = :version
"""
_SET_STAGE = "UPDATE versions SET stage = :stage WHERE model = :model AND version = :version"
_TOUCH_VERSION = "UPDATE versions SET updated_at = :at WHERE model = :model AND version = :version"
_TOUCH_MODEL = "UPDATE models SET updated_at = :at WHERE id = :model"
_RENAME = """
UPDATE models SET name = :new, next_version = max(next_version, :counter), updated_at = :at WHERE id = :model
"""
_DELETE_VERSION = "DELETE FROM versions WHERE model = :model AND version = :version"
_DELETE_MODEL = "DELETE FROM models WHERE id = :model"


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to register."""

    digest: Digest
    files: tuple[ModelFile, ...]
    described: RecognisedModel
    scan: Scan | None
    facts: Facts
    tags: Mapping[str, str]
    description: str
    provenance: Provenance
    status: str = READY


class CatalogWriter(CatalogReader):
    """Reads and changes the catalog in one transaction; created by `Catalog.writing`."""

    def __init__(self, connection: sqlite3.Connection, actor: Actor, message: str | None) -> None:
        super().__init__(connection)
        self._actor = actor
        self._message = message
        self._head = self.journal.head()
        self._batch = self._head.seq + 1 if self._head else 1
        now = clock.now()
        self.moment = max(now, self._head.at) if self._head else now  # times in the journal never decrease
        self._at = clock.as_text(self.moment if self.rules is StageRules.STRICT else now)  # MLflow takes the clock's

    def create(self, settings: Mapping[str, str]) -> None:
        """Write the settings of a new catalog; the first journal entry will contain them."""
        self._connection.executemany(_ADD_SETTING, settings.items())
        if self.rules is StageRules.MLFLOW:
            drop_strict_indexes(self._connection)

    def set_setting(self, name: str, value: str) -> bool:
        """Change a setting of the registry; returns whether its value was different."""
        if self.setting(name) == value:
            return False
        self._connection.execute(_PUT_SETTING, {"name": name, "value": value})
        self._journal_globally(SET, {"settings": {name: value}})
        return True

    def record_migration(self) -> None:
        """Journal that the schema was migrated."""
        self._journal_globally(MIGRATE, {"migrations": state.migrations(self._connection)})

    def add_model(self, name: ModelName, description: str, tags: Mapping[str, str]) -> None:
        """Add a model without versions; raises `ModelExists`, `InvalidName` or `NameTaken`."""
        model, is_new = self._find_or_add_model(name)
        if not is_new:
            raise ModelExists(
                f"model {name} already exists; nothing was changed",
                f"modelreg show {quoted(name)}",
                python_hint=f"registry.model({name!r})",
            )
        self._connection.execute(_DESCRIBE_MODEL, {"model": model, "description": description})
        self._connection.executemany(_PUT_MODEL_TAG, [(model, *pair) for pair in tags.items()])
        self._journal(CREATE, model, model_fields=state.ALL_FIELDS)

    def add_version(
        self, name: ModelName, new: NewVersion, allowed_because: str | None = None, number: int | None = None
    ) -> int:
        """Add a version, and its model if that is new; returns the version's number.

        ``allowed_because`` is the reason for registering a dangerous file. ``number`` is used instead of the next
        number; no version may ever have had it (see `JournalQueries.was_used`). Raises `InvalidName` or `NameTaken`.
        """
        model, is_new = self._find_or_add_model(name)
        statement = _NEXT_NUMBER if number is None else _USE_NUMBER
        version: int = self._first(statement, model=model, version=number, at=self._at)["version"]
        self._connection.execute(_ADD_VERSION, self._build_version_values(model, version, new))
        self._add_many(_ADD_FILE, model, version, ((file.path, file.digest, file.size) for file in new.files))
        imports = new.scan.imports if new.scan else ()
        rows = ((item.module, item.name, item.verdict.value, ",".join(item.attributes)) for item in imports)
        self._add_many(_ADD_IMPORT, model, version, rows)
        self._add_many(_ADD_METRIC, model, version, new.facts.metrics.items())
        self._add_many(_ADD_PARAM, model, version, new.facts.params.items())
        self._add_many(_PUT_VERSION_TAG, model, version, new.tags.items())
        self._journal(
            REGISTER,
            model,
            version,
            model_fields=state.ALL_FIELDS if is_new else ("next_version", "updated_at"),
            version_fields=state.ALL_FIELDS,
            more={} if allowed_because is None else {"allowed": allowed_because},
        )
        return version

    def set_stage(
        self, name: ModelName, change: StageChange, *, action: str = TRANSITION, check: Values | None = None
    ) -> None:
        """Move one version to another stage; ``check`` is the result of the gates, for the journal."""
        model = model_id(self._connection, name)
        self._update(_SET_STAGE, model, change.version, stage=change.to_stage.value)
        self._journal(
            action,
            model,
            change.version,
            version_fields=("stage", "updated_at"),
            stages=change,
            more={} if check is None else {"check": check},
        )

    def record_refusal(self, name: ModelName, change: StageChange, check: Values, *, registered: bool = True) -> None:
        """Journal that a version failed the gates of a stage; not ``registered`` if it was refused at registration."""
        model = find_model(self._connection, name) or NO_MODEL
        version = change.version if registered else None
        self._journal(REFUSE, model, version, stages=change, more={"check": check}, name=name, fields=False)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that is rolled back on an exception."""
        head = self._head
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._head = head
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO part")
            raise
        finally:
            if self._connection.in_transaction:
                self._connection.execute("RELEASE part")

    def describe(self, name: ModelName, version: int | None, description: str) -> None:
        """Replace the description of a model, or of a version."""
        self._change_field(
            DESCRIBE, name, version, _DESCRIBE_MODEL, _DESCRIBE_VERSION, "description", description=description
        )

    def tag(self, name: ModelName, version: int | None, tags: Mapping[str, str], removed: Iterable[str] = ()) -> None:
        """Set and remove tags of a model, or of a version; setting an existing tag replaces its value."""
        model = model_id(self._connection, name)
        put, remove = (
            (_PUT_MODEL_TAG, _REMOVE_MODEL_TAG) if version is None else (_PUT_VERSION_TAG, _REMOVE_VERSION_TAG)
        )
        key = (model,) if version is None else (model, version)
        self._connection.executemany(put, [(*key, *pair) for pair in tags.items()])
        self._connection.executemany(remove, [(*key, tag) for tag in removed])
        self._change_field(TAG, name, version, _TOUCH_MODEL, _TOUCH_VERSION, "tags")

    def set_alias(self, name: ModelName, alias: str, version: int) -> None:
        """Point ``alias`` at ``version``, also if it exists; raises `InvalidName`."""
        self.check_alias(alias)
        model = model_id(self._connection, name)
        self._update(_PUT_ALIAS, model, version, alias=alias)
        self._journal_alias(model, version, {alias: version})

    def remove_alias(self, name: ModelName, alias: str, version: int) -> None:
        """Remove ``alias``."""
        model = model_id(self._connection, name)
        self._update(_REMOVE_ALIAS, model, version, alias=alias)
        self._journal_alias(model, version, {alias: None})

    def rename(self, name: ModelName, new: ModelName) -> None:
        """Rename a model. Its version counter is also kept for the old name, so no number is reused under that name."""
        model = model_id(self._connection, name)
        retired = self._first(_RETIRED, name=new)
        self._connection.execute(_UNRETIRE, {"name": new})
        if name.lower() != new.lower():
            self._retire(model)
        counter = retired["next_version"] if retired else 1
        self._connection.execute(_RENAME, {"model": model, "new": new, "counter": counter, "at": self._at})
        self._journal(RENAME, model, model_fields=("name", "next_version", "updated_at"), more={"old_name": name})

    def delete_version(self, name: ModelName, version: int) -> None:
        """Delete a version and its aliases from the catalog; its number is never used again."""
        model = model_id(self._connection, name)
        key = {"model": model, "version": version}
        alias_count = self._connection.execute(_REMOVE_ALIASES, key).rowcount
        self._connection.execute(_DELETE_VERSION, key)
        self._connection.execute(_TOUCH_MODEL, {"model": model, "at": self._at})
        fields = ("aliases", "updated_at") if alias_count else ("updated_at",)
        self._journal(DELETE, model, version, model_fields=fields, version_fields=None)

    def delete_model(self, name: ModelName) -> None:
        """Delete a model without versions from the catalog.

        Its version counter is kept for a later model of the same name; with MLflow's rules that one starts at 1.
        """
        model = model_id(self._connection, name)
        own_gates = gates.gates_of_model(self._connection, model)
        for number in own_gates:
            gates.remove_gate(self._connection, number)
        self._retire(model)
        self._connection.execute(_DELETE_MODEL, {"model": model})
        more = {"removed_gates": own_gates} if own_gates else {}
        self._journal(DELETE, model, model_fields=None, name=name, more=more)

    # Gates, trust, evaluations, approvals

    def add_gate(
        self, name: ModelName | None, stage: Stage, expression: str, description: str
    ) -> tuple[int, bool, bool]:
        """Add a gate for a model, or for every model; an equal gate gets the description, unless that is empty.

        Returns the gate's number, whether it is new, and whether the description of an existing one was changed.
        """
        model = None if name is None else model_id(self._connection, name)
        existing = gates.find_gate(self._connection, model, stage, expression)
        if existing is not None:
            changed = gates.describe_gate(self._connection, existing, description) if description else None
            if changed:
                self._journal_gate(ADD_GATE, name, {"gate": changed})
            return existing, False, changed is not None
        values: Values = {"stage": stage.value, "expression": expression, "description": description}
        values |= {"model": model, "created_by": self._actor.user, "created_at": self._at}
        number = gates.add_gate(self._connection, values)
        self._journal_gate(ADD_GATE, name, {"gate": {"id": number} | values})
        return number, True, False

    def remove_gate(self, name: ModelName | None, number: int) -> None:
        """Remove a gate."""
        removed = gates.remove_gate(self._connection, number)
        self._journal_gate(REMOVE_GATE, name, {"removed_gates": [number], "removed": removed})

    def trust(self, module: str, name: str) -> None:
        """Trust a name that is not on the allow-list; versions that import no other unknown name become safe."""
        values: Values = {"module": module, "name": name, "message": self._message or ""}
        values |= {"created_by": self._actor.user, "created_at": self._at}
        trust.add_trusted_name(self._connection, values)
        self._journal_globally(TRUST, {"trusted": values})
        self._update_verdicts(TRUST, module, name)

    def distrust(self, module: str, name: str) -> None:
        """Stop trusting a name."""
        trust.remove_trusted_name(self._connection, module, name)
        self._journal_globally(DISTRUST, {"distrusted": {"module": module, "name": name}})
        self._update_verdicts(DISTRUST, module, name)

    def record_load(
        self, version: ModelVersion, *, is_trusted: bool = True, permissions: Permissions | None = None
    ) -> None:
        """Journal that a version was loaded with full trust, or with access to files or the network."""
        after: Values = {"trust": "full"} if is_trusted else {}
        if permissions and permissions.allow_read:
            after["allow_read"] = list(permissions.allow_read)
        if permissions and permissions.allow_network:
            after["allow_network"] = True
        self._journal_of_digest(LOAD, model_id(self._connection, version.name), version, after)

    def record_import(self, name: ModelName, version: int | None, record: Values) -> None:
        """Journal the upstream state of an imported model or version, for `JournalQueries.last_import`."""
        self._journal(IMPORT, model_id(self._connection, name), version, more={"imported": record}, fields=False)

    def put_evaluation(self, version: ModelVersion, dataset: str, scores: Scores) -> Evaluation:
        """Write the scores of a version on a data set, replacing earlier ones; returns the stored evaluation."""
        model = model_id(self._connection, version.name)
        evaluation = Evaluation(
            **{name: getattr(scores, name) for name in Scores.__slots__},
            dataset=dataset,
            created_by=self._actor.user,
            created_at=self.moment,
        )
        values = evaluations.put_evaluation(self._connection, model, version.digest, evaluation)
        self._journal_of_digest(EVALUATE, model, version, {"evaluation": values})
        return evaluation

    def approve(self, version: ModelVersion, message: str) -> None:
        """Write the acting user's approval of a version's digest, replacing an earlier one."""
        model = model_id(self._connection, version.name)
        values = {"digest": version.digest, "user": self._actor.user, "message": message, "created_at": self._at}
        evaluations.put_approval(self._connection, {"model": model} | values)
        self._journal_of_digest(APPROVE, model, version, {"approval": values})

    def withdraw_approval(self, version: ModelVersion) -> None:
        """Remove the acting user's approval."""
        model = model_id(self._connection, version.name)
        values = {"digest": version.digest, "user": self._actor.user}
        evaluations.withdraw_approval(self._connection, {"model": model} | values)
        self._journal_of_digest(WITHDRAW, model, version, {"withdrawn": values})

    # Runs

    def start_run(self, run_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Add a running run."""
        values: Values = {"run_id": run_id, "name": name, "status": RUNNING, "ended_at": None}
        values |= {"created_by": self._actor.user, "started_at": self._at}
        runs.add_run(self._connection, values)
        runs.put(self._connection, run_id, "tags", tags)
        self._journal_run(START_RUN, values | {"tags": dict(tags)})

    def resume_run(self, run_id: str) -> None:
        """Set an ended run to running again."""
        values: Values = {"run_id": run_id, "status": RUNNING, "ended_at": None}
        runs.set_status(self._connection, values)
        self._journal_run(START_RUN, values)

    def log(
        self,
        run_id: str,
        logged: Mapping[str, Mapping[str, object]],
        points: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """Set ``params``, ``metrics`` and ``tags`` of a run by name; None removes one.

        ``points`` are the steps and times (in milliseconds) of metrics, for `RunQueries.metric_history`.
        """
        for kind, values in logged.items():
            runs.put(self._connection, run_id, kind, values)
        values = {"run_id": run_id} | {kind: dict(values) for kind, values in logged.items()}
        self._journal_run(LOG, values, {"points": points} if points else {})

    def log_model(self, model: LoggedModel) -> None:
        """Write a model of a run, replacing one at the same path."""
        values = runs.put_model(self._connection, model)
        self._journal_run(LOG_MODEL, {"run_id": model.run_id, "models": {model.path: values}})

    def end_run(self, run_id: str, status: str) -> None:
        """Set the final status of a run."""
        values: Values = {"run_id": run_id, "status": status, "ended_at": self._at}
        runs.set_status(self._connection, values)
        self._journal_run(END_RUN, values)

    @property
    def user(self) -> str:
        """The OS user who makes this change."""
        return self._actor.user

    def _first(self, query: str, **values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()

    def _find_or_add_model(self, name: ModelName) -> tuple[int, bool]:
        self.check_name(name)
        existing = find_model(self._connection, name)
        if existing is not None:
            return existing, False
        retired = self._first(_RETIRED, name=name)
        self._connection.execute(_UNRETIRE, {"name": name})
        values = {
            "name": name,
            "next_version": retired["next_version"] if retired else 1,
            "created_by": self._actor.user,
            "at": self._at,
        }
        model = self._connection.execute(_ADD_MODEL, values).lastrowid
        assert model is not None
        return model, True

    def _retire(self, model: int) -> None:
        """Keep the version counter of a name that is given up, so that no number is reused under that name."""
        if self.rules is StageRules.STRICT:
            self._connection.execute(_RETIRE, {"model": model})

    def _build_version_values(self, model: int, version: int, new: NewVersion) -> dict[str, Any]:
        provenance = asdict(new.provenance)
        return provenance | {
            "model": model,
            "version": version,
            "status": new.status,
            "description": new.description,
            "digest": new.digest,
            "size": sum(file.size for file in new.files),
            "flavor": new.described.flavor,
            "format": new.described.format,
            "model_class": new.described.model_class,
            "scan": new.scan and new.scan.verdict.value,
            "scan_reasons": _as_text(new.scan.reasons if new.scan else ()),
            "signature": new.facts.signature and _as_text(signature_as_json(new.facts.signature)),
            "environment": _as_text(provenance["environment"]),
            "created_by": self._actor.user,
            "at": self._at,
        }

    def _add_many(self, statement: str, model: int, version: int, rows: Iterable[tuple[Any, ...]]) -> None:
        self._connection.executemany(statement, ((model, version, *row) for row in rows))

    def _update(self, statement: str, model: int, version: int, **values: Any) -> None:
        scope = {"model": model, "version": version, "at": self._at}
        for sql in (statement, _TOUCH_VERSION, _TOUCH_MODEL):
            self._connection.execute(sql, scope | values)

    def _change_field(
        self, action: str, name: ModelName, version: int | None, of_model: str, of_version: str, field: str, **new: str
    ) -> None:
        """Change and journal one field of a model or version; ``of_model`` and ``of_version`` are the statements."""
        model = model_id(self._connection, name)
        if version is None:
            self._connection.execute(of_model, {"model": model, "at": self._at} | new)
            self._connection.execute(_TOUCH_MODEL, {"model": model, "at": self._at})
            self._journal(action, model, model_fields=(field, "updated_at"))
        else:
            self._update(of_version, model, version, **new)
            self._journal(action, model, version, version_fields=(field, "updated_at"))

    def _journal_alias(self, model: int, version: int, alias: dict[str, int | None]) -> None:
        fields = ("aliases", "updated_at")
        self._journal(ALIAS, model, version, model_fields=fields, version_fields=("updated_at",), more={"alias": alias})

    def _update_verdicts(self, action: str, module: str, name: str) -> None:
        """Update and journal the verdicts of the versions that import a name whose trust has changed."""
        for model, version in trust.update_verdicts(self._connection, module, name):
            self._connection.execute(_TOUCH_VERSION, {"model": model, "version": version, "at": self._at})
            self._journal(action, model, version, model_fields=(), version_fields=("scan", "updated_at"))

    def _journal_globally(self, action: str, more: Values) -> None:
        """Journal a change that concerns no single model."""
        self._journal(action, NO_MODEL, more=more, name=gates.EVERY_MODEL, fields=False)

    def _journal_run(self, action: str, values: Values, more: Values | None = None) -> None:
        """Journal the changed values of a run, without empty mappings."""
        changed = {name: value for name, value in values.items() if value != {}}
        self._journal_globally(action, {"run": changed} | (more or {}))

    def _journal_gate(self, action: str, name: ModelName | None, more: Values) -> None:
        model = NO_MODEL if name is None else model_id(self._connection, name)
        self._journal(action, model, more=more, name=name or gates.EVERY_MODEL, fields=False)

    def _journal_of_digest(self, action: str, model: int, version: ModelVersion, more: Values) -> None:
        self._journal(action, model, version.version, more=more, fields=False)

    def _journal(
        self,
        action: str,
        model: int,
        version: int | None = None,
        *,
        model_fields: Iterable[str] | None = ("updated_at",),
        version_fields: Iterable[str] | None = (),
        fields: bool = True,
        stages: StageChange | None = None,
        name: str | None = None,
        more: Values | None = None,
    ) -> None:
        """Append an entry with the current values of the changed fields.

        None as ``model_fields`` or ``version_fields`` means that the row was deleted. Without ``fields`` neither the
        model nor the version has changed. ``more`` are values of other kinds.
        """
        after: Values = dict(more or {})
        if self._head is None:
            after |= state.initial_values(self._connection)
        if fields:
            after["model"] = None if model_fields is None else state.model_values(self._connection, model, model_fields)
        if fields and version is not None:
            after["version"] = (
                None
                if version_fields is None
                else state.version_values(self._connection, model, version, version_fields)
            )
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
