"""One change of the catalog: every method writes its rows and the journal entry that says so."""

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
from modelreg.errors import ModelExists
from modelreg.store.catalog import state
from modelreg.store.catalog.journal_chain import GENESIS, Values, entry_hash
from modelreg.store.catalog.queries import evaluations, gates, journal, runs, trust
from modelreg.store.catalog.queries.models import find_model, model_id
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.schema import lift_contract
from modelreg.system import clock

NO_MODEL = 0
"""What stands for a model's number in a journal entry that is about none."""

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
_KEEP_NUMBER = """
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
_TAKE_VERSION_TAG = "DELETE FROM version_tags WHERE model = ? AND version = ? AND name = ?"
_TAKE_MODEL_TAG = "DELETE FROM model_tags WHERE model = ? AND name = ?"
_TAKE_ALIAS = "DELETE FROM aliases WHERE model = :model AND alias = :alias"
_TAKE_ALIASES = "DELETE FROM aliases WHERE model = :model AND version = :version"
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
    """Everything about a version that is known when it is registered."""

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
    """Reads and changes the catalog in one transaction; made by `Catalog.writing`."""

    def __init__(self, connection: sqlite3.Connection, actor: Actor, message: str | None) -> None:
        super().__init__(connection)
        self._actor = actor
        self._message = message
        self._head = journal.last(connection)
        self._batch = self._head.seq + 1 if self._head else 1
        moment = clock.now()
        self.moment = max(moment, self._head.at) if self._head else moment  # a clock that was set back changes nothing
        self._at = clock.as_text(self.moment if self.rules is StageRules.STRICT else moment)  # MLflow's is the clock's

    def create(self, settings: Mapping[str, str]) -> None:
        """Write the first rows of a new catalog: what was chosen for the registry; the first entry will tell it."""
        self._connection.executemany(_ADD_SETTING, settings.items())
        if self.rules is StageRules.MLFLOW:
            lift_contract(self._connection)

    def set_setting(self, name: str, value: str) -> bool:
        """Change a setting of the registry; returns whether it had another value."""
        if self.setting(name) == value:
            return False
        self._connection.execute(_PUT_SETTING, {"name": name, "value": value})
        self._journal_whole(SET, {"settings": {name: value}})
        return True

    def migrate(self) -> None:
        """Write down that the schema was migrated."""
        self._journal_whole(MIGRATE, {"migrations": state.migrations(self._connection)})

    def add_model(self, name: ModelName, description: str, tags: Mapping[str, str]) -> None:
        """Add a model without versions; raises `ModelExists`, and what `add_version` raises."""
        model, is_new = self._find_or_add_model(name)
        if not is_new:
            raise ModelExists(name)
        self._connection.execute(_DESCRIBE_MODEL, {"model": model, "description": description})
        self._connection.executemany(_PUT_MODEL_TAG, [(model, *pair) for pair in tags.items()])
        self._journal(CREATE, model, model_fields=state.ALL)

    def add_version(
        self, name: ModelName, new: NewVersion, allowed_because: str | None = None, number: int | None = None
    ) -> int:
        """Add a version, and the model if it is new; returns the version's number.

        ``allowed_because`` is why it is there although it is dangerous. ``number`` is one that no version ever had
        (see `was_given`), rather than the next.
        Raises `InvalidName` or `NameTaken` for what the rules do not let a model be called.
        """
        model, is_new = self._find_or_add_model(name)
        take = _TAKE_NUMBER if number is None else _KEEP_NUMBER
        version: int = self._first(take, model=model, version=number, at=self._at)["version"]
        self._connection.execute(_ADD_VERSION, self._version_values(model, version, new))
        self._add_many(_ADD_FILE, model, version, ((file.path, file.digest, file.size) for file in new.files))
        imports = new.scan.imports if new.scan else ()
        rows = ((each.module, each.name, each.verdict.value, ",".join(each.attributes)) for each in imports)
        self._add_many(_ADD_IMPORT, model, version, rows)
        self._add_many(_ADD_METRIC, model, version, new.facts.metrics.items())
        self._add_many(_ADD_PARAM, model, version, new.facts.params.items())
        self._add_many(_PUT_VERSION_TAG, model, version, new.tags.items())
        self._journal(
            REGISTER,
            model,
            version,
            model_fields=state.ALL if is_new else ("next_version", "updated_at"),
            version_fields=state.ALL,
            more={} if allowed_because is None else {"allowed": allowed_because},
        )
        return version

    def set_stage(
        self, name: ModelName, change: StageChange, *, action: str = TRANSITION, check: Values | None = None
    ) -> None:
        """Put one version into another stage; ``check`` is what gates said of it."""
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

    def refuse(self, name: ModelName, change: StageChange, check: Values, *, registered: bool = True) -> None:
        """Write down that gates kept a version out of a stage, and perhaps from being registered at all."""
        model = find_model(self._connection, name) or NO_MODEL
        version = change.version if registered else None
        self._journal(REFUSE, model, version, stages=change, more={"check": check}, name=name, fields=False)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the change that is undone by itself when an error passes through."""
        head = self._head
        self._connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException:
            self._head = head
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO attempt")
            raise
        finally:
            if self._connection.in_transaction:
                self._connection.execute("RELEASE attempt")

    def describe(self, name: ModelName, version: int | None, description: str) -> None:
        """Replace the description of a model, or of one of its versions."""
        self._alter(DESCRIBE, name, version, _DESCRIBE_MODEL, _DESCRIBE_VERSION, "description", description=description)

    def tag(self, name: ModelName, version: int | None, tags: Mapping[str, str], removed: Iterable[str] = ()) -> None:
        """Set tags of a model or of one of its versions, those that it has already among them, and take others away."""
        model = model_id(self._connection, name)
        put, take = (_PUT_MODEL_TAG, _TAKE_MODEL_TAG) if version is None else (_PUT_VERSION_TAG, _TAKE_VERSION_TAG)
        key = (model,) if version is None else (model, version)
        self._connection.executemany(put, [(*key, *pair) for pair in tags.items()])
        self._connection.executemany(take, [(*key, each) for each in removed])
        self._alter(TAG, name, version, _TOUCH_MODEL, _TOUCH_VERSION, "tags")

    def set_alias(self, name: ModelName, alias: str, version: int) -> None:
        """Let ``alias`` mean ``version``, whatever it meant before; raises `InvalidAlias`."""
        self.refuse_alias(alias)
        model = model_id(self._connection, name)
        self._update(_PUT_ALIAS, model, version, alias=alias)
        self._journal_alias(model, version, {alias: version})

    def remove_alias(self, name: ModelName, alias: str, version: int) -> None:
        """Let ``alias`` mean nothing any more."""
        model = model_id(self._connection, name)
        self._update(_TAKE_ALIAS, model, version, alias=alias)
        self._journal_alias(model, version, {alias: None})

    def rename(self, name: ModelName, new: ModelName) -> None:
        """Give a model another name; the counter stays with the old one too, so no reference changes its meaning."""
        model = model_id(self._connection, name)
        retired = self._first(_RETIRED, name=new)
        self._connection.execute(_REVIVE, {"name": new})
        if name.lower() != new.lower():
            self._retire(model)
        counter = retired["next_version"] if retired else 1
        self._connection.execute(_RENAME, {"model": model, "new": new, "counter": counter, "at": self._at})
        self._journal(RENAME, model, model_fields=("name", "next_version", "updated_at"), more={"old_name": name})

    def delete_version(self, name: ModelName, version: int) -> None:
        """Take a version out of the catalog with its aliases; its number is never given out again."""
        model = model_id(self._connection, name)
        key = {"model": model, "version": version}
        aliased = self._connection.execute(_TAKE_ALIASES, key).rowcount
        self._connection.execute(_DELETE_VERSION, key)
        self._connection.execute(_TOUCH_MODEL, {"model": model, "at": self._at})
        fields = ("aliases", "updated_at") if aliased else ("updated_at",)
        self._journal(DELETE, model, version, model_fields=fields, version_fields=None)

    def delete_model(self, name: ModelName) -> None:
        """Take a model without versions out of the catalog.

        Its counter is kept for a model of the same name; by MLflow's rules that one begins anew.
        """
        model = model_id(self._connection, name)
        own_gates = gates.gates_of_model(self._connection, model)
        for number in own_gates:
            gates.remove_gate(self._connection, number)
        self._retire(model)
        self._connection.execute(_DELETE_MODEL, {"model": model})
        more = {"removed_gates": own_gates} if own_gates else {}
        self._journal(DELETE, model, model_fields=None, name=name, more=more)

    # What is not about one version or model, or outlives a version

    def add_gate(
        self, name: ModelName | None, stage: Stage, expression: str, description: str
    ) -> tuple[int, bool, bool]:
        """Add a gate for a model, or for every one; one that says the same gets the description, if that is not empty.

        Returns its number, whether it is a new one, and whether one that was there has another description now.
        """
        model = None if name is None else model_id(self._connection, name)
        known = gates.find_gate(self._connection, model, stage, expression)
        if known is not None:
            described = gates.describe_gate(self._connection, known, description) if description else None
            if described:
                self._journal_gate(ADD_GATE, name, {"gate": described})
            return known, False, described is not None
        values: Values = {"stage": stage.value, "expression": expression, "description": description}
        values |= {"model": model, "created_by": self._actor.user, "created_at": self._at}
        number = gates.add_gate(self._connection, values)
        self._journal_gate(ADD_GATE, name, {"gate": {"id": number} | values})
        return number, True, False

    def remove_gate(self, name: ModelName | None, number: int) -> None:
        """Take a gate away."""
        was = gates.remove_gate(self._connection, number)
        self._journal_gate(REMOVE_GATE, name, {"removed_gates": [number], "removed": was})

    def trust(self, module: str, name: str) -> None:
        """Let models import a name that is not on the allow-list; versions that only wanted for it become safe."""
        values: Values = {"module": module, "name": name, "message": self._message or ""}
        values |= {"created_by": self._actor.user, "created_at": self._at}
        trust.add(self._connection, values)
        self._journal_whole(TRUST, {"trusted": values})
        self._judge_again(TRUST, module, name)

    def distrust(self, module: str, name: str) -> None:
        """Take that back."""
        trust.remove(self._connection, module, name)
        self._journal_whole(DISTRUST, {"distrusted": {"module": module, "name": name}})
        self._judge_again(DISTRUST, module, name)

    def note_load(
        self, version: ModelVersion, *, is_trusted: bool = True, permissions: Permissions | None = None
    ) -> None:
        """Write down that a version was loaded with full trust, or could do more than compute."""
        after: Values = {"trust": "full"} if is_trusted else {}
        if permissions and permissions.allow_read:
            after["allow_read"] = list(permissions.allow_read)
        if permissions and permissions.allow_network:
            after["allow_network"] = True
        self._journal_of_digest(LOAD, model_id(self._connection, version.name), version, after)

    def note_import(self, name: ModelName, version: int | None, said: Values) -> None:
        """Write down what was said of a model or version where it was imported from; `last_import` tells it again."""
        self._journal(IMPORT, model_id(self._connection, name), version, more={"imported": said}, fields=False)

    def put_evaluation(self, version: ModelVersion, dataset: str, scores: Scores) -> Evaluation:
        """Keep what a version scored, in the place of earlier scores on the same data set; returns it as it is kept."""
        model = model_id(self._connection, version.name)
        kept = Evaluation(
            **{name: getattr(scores, name) for name in Scores.__slots__},
            dataset=dataset,
            created_by=self._actor.user,
            created_at=self.moment,
        )
        values = evaluations.put_evaluation(self._connection, model, version.digest, kept)
        self._journal_of_digest(EVALUATE, model, version, {"evaluation": values})
        return kept

    def approve(self, version: ModelVersion, message: str) -> None:
        """Keep that the acting user approves what ``version`` is, in the place of an earlier approval."""
        model = model_id(self._connection, version.name)
        values = {"digest": version.digest, "user": self._actor.user, "message": message, "created_at": self._at}
        evaluations.put_approval(self._connection, {"model": model} | values)
        self._journal_of_digest(APPROVE, model, version, {"approval": values})

    def withdraw_approval(self, version: ModelVersion) -> None:
        """Take the acting user's approval back."""
        model = model_id(self._connection, version.name)
        values = {"digest": version.digest, "user": self._actor.user}
        evaluations.withdraw_approval(self._connection, {"model": model} | values)
        self._journal_of_digest(WITHDRAW, model, version, {"withdrawn": values})

    # Runs

    def start_run(self, run_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Add a run."""
        values: Values = {"run_id": run_id, "name": name, "status": RUNNING, "ended_at": None}
        values |= {"created_by": self._actor.user, "started_at": self._at}
        runs.start(self._connection, values)
        runs.put(self._connection, run_id, "tags", tags)
        self._journal_run(START_RUN, values | {"tags": dict(tags)})

    def resume_run(self, run_id: str) -> None:
        """Let a run that is over go on."""
        values: Values = {"run_id": run_id, "status": RUNNING, "ended_at": None}
        runs.set_status(self._connection, values)
        self._journal_run(START_RUN, values)

    def log(
        self,
        run_id: str,
        logged: Mapping[str, Mapping[str, object]],
        points: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """Keep ``params``, ``metrics`` and ``tags`` of a run, in the place of those of the same names.

        None removes one. ``points`` are the steps and times (milliseconds) of metrics, for `Snapshot.metric_history`.
        """
        for what, values in logged.items():
            runs.put(self._connection, run_id, what, values)
        values = {"run_id": run_id} | {what: dict(values) for what, values in logged.items()}
        self._journal_run(LOG, values, {"points": points} if points else {})

    def log_model(self, model: LoggedModel) -> None:
        """Keep a model of a run, in the place of one of the same path."""
        values = runs.put_model(self._connection, model)
        self._journal_run(LOG_MODEL, {"run_id": model.run_id, "models": {model.path: values}})

    def end_run(self, run_id: str, status: str) -> None:
        """Say how a run ended."""
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
        self.refuse_name(name)
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

    def _retire(self, model: int) -> None:
        """Keep the counter of a name that goes, so that no reference by it will ever mean another version."""
        if self.rules is StageRules.STRICT:
            self._connection.execute(_RETIRE, {"model": model})

    def _version_values(self, model: int, version: int, new: NewVersion) -> dict[str, Any]:
        observed = asdict(new.provenance)
        return observed | {
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

    def _alter(
        self, action: str, name: ModelName, version: int | None, of_model: str, of_version: str, field: str, **new: str
    ) -> None:
        """Change one field of a model or version, and journal it."""
        model = model_id(self._connection, name)
        if version is None:
            self._connection.execute(of_model, {"model": model, "at": self._at} | new)
            self._connection.execute(_TOUCH_MODEL, {"model": model, "at": self._at})
            self._journal(action, model, model_fields=(field, "updated_at"))
        else:
            self._update(of_version, model, version, **new)
            self._journal(action, model, version, version_fields=(field, "updated_at"))

    def _journal_alias(self, model: int, version: int, now: dict[str, int | None]) -> None:
        fields = ("aliases", "updated_at")
        self._journal(ALIAS, model, version, model_fields=fields, version_fields=("updated_at",), more={"alias": now})

    def _judge_again(self, action: str, module: str, name: str) -> None:
        """Let the verdicts of versions that import the name follow from what is trusted now."""
        for model, version in trust.judge_again(self._connection, module, name):
            self._connection.execute(_TOUCH_VERSION, {"model": model, "version": version, "at": self._at})
            self._journal(action, model, version, model_fields=(), version_fields=("scan", "updated_at"))

    def _journal_whole(self, action: str, more: Values) -> None:
        """Journal what is about no model."""
        self._journal(action, NO_MODEL, more=more, name=gates.EVERY_MODEL, fields=False)

    def _journal_run(self, action: str, values: Values, more: Values | None = None) -> None:
        """Journal what changed of a run, but for what is empty."""
        changed = {name: value for name, value in values.items() if value != {}}
        self._journal_whole(action, {"run": changed} | (more or {}))

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
        """Append an entry with the present values of the fields that changed; None stands for a deletion.

        Without ``fields`` neither model nor version has changed. ``more`` are values of another kind.
        """
        after: Values = dict(more or {})
        if self._head is None:
            after |= state.foundation(self._connection)
        if fields:
            after["model"] = None if model_fields is None else state.of_model(self._connection, model, model_fields)
        if fields and version is not None:
            after["version"] = (
                None if version_fields is None else state.of_version(self._connection, model, version, version_fields)
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
