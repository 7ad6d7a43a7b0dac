"""One moment of the catalog, as records."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.domain.references import require_plain_alias
from modelreg.domain.stages import StageRules
from modelreg.store.catalog.queries.models import (
    choose_models,
    find_model,
    model_id,
    name_of,
    read_models,
    refuse_name,
    rules_of,
)

if TYPE_CHECKING:
    from modelreg.domain.evaluations import Evaluation
    from modelreg.domain.gates import Gate
    from modelreg.domain.journal import JournalEntry
    from modelreg.domain.models import Model
    from modelreg.domain.pruning import PruneCandidate
    from modelreg.domain.references import Digest, ModelName, Reference
    from modelreg.domain.runs import LoggedModel, MetricPoint, Run
    from modelreg.domain.scans import TrustedName
    from modelreg.domain.stages import Stage
    from modelreg.domain.versions import ModelVersion, StoredVersion
    from modelreg.expressions.building import Key
    from modelreg.expressions.tree import Expression, Field
    from modelreg.store.catalog.journal_chain import State, Values

_COUNTS = "SELECT count(*), coalesce(sum(versions), 0) FROM models"
_WRONG_COUNTS = """
SELECT name FROM models
WHERE versions <> (SELECT count(*) FROM versions WHERE model = models.id)
   OR archived <> (SELECT count(*) FROM versions WHERE model = models.id AND stage = 'Archived')
   OR next_version <= (SELECT coalesce(max(version), 0) FROM versions WHERE model = models.id)
"""
_CHANGE_COUNTER = slice(24, 28)  # of a database file, by SQLite's description of its format


class CatalogReader:
    """Reads one moment of the catalog; made by `Catalog.reading`.

    What only some commands need is imported where it is used.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def setting(self, name: str) -> str | None:
        """What was chosen when the registry was made."""
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def settings(self, prefix: str) -> dict[str, str]:
        """The settings whose names begin with ``prefix``, by what follows it."""
        query = "SELECT name, value FROM settings WHERE substr(name, 1, length(:prefix)) = :prefix ORDER BY name"
        rows = self._connection.execute(query, {"prefix": prefix})
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    @property
    def rules(self) -> StageRules:
        """The rules for stages, names and deletion."""
        return rules_of(self._connection)

    def schema_version(self) -> int:
        """The number of migrations that the catalog has seen."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def model_number(self, name: str) -> int:
        """The catalog's number for a model, which outlives its name; raises `ModelNotFound`."""
        return model_id(self._connection, name)

    def name_of(self, model: int) -> ModelName:
        """What the model with this number is called now; raises `ModelNotFound`."""
        return name_of(self._connection, model)

    def counts(self) -> tuple[int, int]:
        """How many models there are, and how many versions."""
        models, versions = self._connection.execute(_COUNTS).fetchone()
        return models, versions

    def models(
        self,
        glob: str | None = None,
        where: Expression | None = None,
        order: Sequence[Key] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Model]:
        """The models whose name fits a shell pattern and for one version of which ``where`` is true, in ``order``."""
        if glob is None and where is None and not order and limit is None and not offset:
            return read_models(self._connection)
        return choose_models(self._connection, glob, where, order, limit, offset)

    def has_model(self, name: str) -> bool:
        """Whether a model has exactly this name."""
        return find_model(self._connection, name) is not None

    def refuse_name(self, name: str) -> None:
        """Raise `InvalidName` or `NameTaken` for what the rules do not let a model be called."""
        refuse_name(self._connection, name)

    def refuse_alias(self, alias: str) -> None:
        """Raise `InvalidAlias` for what the rules do not let an alias be."""
        if self.rules is StageRules.STRICT:
            require_plain_alias(alias)

    def model(self, name: str) -> Model:
        """The model of this name; raises `ModelNotFound`."""
        (model,) = read_models(self._connection, model_id(self._connection, name))
        return model

    def versions(
        self,
        name: ModelName,
        where: Expression | None = None,
        order: Sequence[Key] = (),
        limit: int | None = None,
    ) -> list[ModelVersion]:
        """The versions of a model for which ``where`` is true, in ``order``, else newest first.

        Raises `ModelNotFound`.
        """
        from modelreg.store.catalog.queries.versions import choose_versions, read_chosen_versions, read_versions

        model = model_id(self._connection, name)
        if where is None and not order and limit is None:
            return read_versions(self._connection, model, name)
        numbers = choose_versions(self._connection, model, where, order, limit)
        return read_chosen_versions(self._connection, model, name, numbers)

    def search(
        self, where: Expression | None, order: Sequence[Key], limit: int | None, offset: int = 0
    ) -> list[ModelVersion]:
        """The versions of all models for which ``where`` is true, in ``order``, else by model, newest first."""
        from modelreg.store.catalog.queries.versions import choose_among_all, read_versions_of_many

        return read_versions_of_many(self._connection, choose_among_all(self._connection, where, order, limit, offset))

    def latest_in_stages(self, name: ModelName) -> list[ModelVersion]:
        """The newest version of a model in every stage that has one, by stage; raises `ModelNotFound`."""
        from modelreg.store.catalog.queries.resolution import latest_in_stages
        from modelreg.store.catalog.queries.versions import read_chosen_versions

        model = model_id(self._connection, name)
        return read_chosen_versions(self._connection, model, name, latest_in_stages(self._connection, model))

    def version(self, reference: Reference) -> ModelVersion:
        """The version that ``reference`` names; raises what `number` raises."""
        from modelreg.store.catalog.queries.versions import read_versions

        number = self.number(reference)
        model = model_id(self._connection, reference.name)
        (version,) = read_versions(self._connection, model, reference.name, number, number)
        return version

    def number(self, reference: Reference) -> int:
        """The number of the version that ``reference`` names; the highest, where several fit.

        Raises `ModelNotFound`, `VersionNotFound`, `StageEmpty`, `AliasNotFound` or `AmbiguousDigest`.
        """
        from modelreg.store.catalog.queries.resolution import number_of

        return number_of(self._connection, reference)

    def in_stage(self, name: ModelName, stage: Stage) -> list[int]:
        """The versions of a model in ``stage``, newest first."""
        from modelreg.store.catalog.queries.resolution import versions_in_stage

        return versions_in_stage(self._connection, model_id(self._connection, name), stage)

    def stages(self, name: ModelName, versions: Iterable[int]) -> dict[int, Stage]:
        """The stages of those of ``versions`` that there are, and of those in Production."""
        from modelreg.store.catalog.queries.resolution import stages_of

        return stages_of(self._connection, model_id(self._connection, name), versions)

    def gates(self, name: ModelName | None = None, stage: Stage | None = None) -> list[Gate]:
        """The gates that a model has to pass, those for every model among them; all that there are without a name."""
        from modelreg.store.catalog.queries.gates import read_gates

        model = None if name is None else model_id(self._connection, name)
        return read_gates(self._connection, model, stage)

    def known_fields(self, name: ModelName | None, field: str) -> list[Field]:
        """The fields that begin with ``field``, as ``metrics``, and have a value in a version of a model, or of any."""
        from modelreg.store.catalog.queries.known_fields import known_fields

        return known_fields(self._connection, None if name is None else model_id(self._connection, name), field)

    def trusted_names(self) -> list[TrustedName]:
        """The names that models may import besides the allow-list."""
        from modelreg.store.catalog.queries import trust

        return trust.read(self._connection)

    def is_imported(self, module: str, name: str) -> bool:
        """Whether a version imports this name, which is not on the allow-list."""
        from modelreg.store.catalog.queries import trust

        return trust.is_imported(self._connection, module, name)

    def run(self, run_id: str) -> Run:
        """One run; raises `RunNotFound`."""
        from modelreg.store.catalog.queries import runs

        return runs.read_run(self._connection, run_id)

    def runs(self) -> list[Run]:
        """All runs, the one that was started last first."""
        from modelreg.store.catalog.queries import runs

        return runs.read_runs(self._connection)

    def metric_history(self, run_id: str, name: str) -> list[MetricPoint]:
        """Every value of a metric of a run, in the order in which they were logged; raises `RunNotFound`."""
        from modelreg.store.catalog.queries import runs

        runs.read_run(self._connection, run_id)
        return runs.metric_history(self._connection, run_id, name)

    def logged_model(self, run_id: str, path: str) -> LoggedModel:
        """A model of a run; raises `RunNotFound` or `LoggedModelNotFound`."""
        from modelreg.store.catalog.queries import runs

        return runs.read_model(self._connection, run_id, path)

    def logged_models(self, digest: Digest | None = None) -> Iterator[LoggedModel]:
        """The models of all runs, or those of one digest; read while they are asked for."""
        from modelreg.store.catalog.queries import runs

        return runs.read_models(self._connection, digest)

    def evaluations(self, name: ModelName, digest: str) -> list[Evaluation]:
        """What a version of this digest scored, by data set."""
        from modelreg.store.catalog.queries.evaluations import read_evaluations

        return read_evaluations(self._connection, model_id(self._connection, name), digest)

    def journal(self, **chosen: Any) -> Iterator[JournalEntry]:
        """The journal's entries, oldest first; ``chosen`` are the fields of `queries.journal.Chosen`."""
        from modelreg.store.catalog.queries import journal

        return journal.entries(self._connection, journal.JournalFilter(**chosen))

    def journal_of_production(self, name: ModelName) -> list[JournalEntry]:
        """The entries about going into Production, of the model that has this name now, oldest first."""
        from modelreg.store.catalog.queries import journal

        return journal.entries_into_production(self._connection, model_id(self._connection, name))

    def last_into_stage(self, name: ModelName, version: int) -> JournalEntry | None:
        """What put a version into the stage that it has; None where the journal does not tell."""
        from modelreg.store.catalog.queries import journal

        return journal.last_into_stage(self._connection, model_id(self._connection, name), version)

    def last_import(self, name: ModelName, version: int | None) -> Values | None:
        """What was written down of a version, or of the model itself, when it was imported last, if it was.

        Raises `ModelNotFound`.
        """
        from modelreg.store.catalog.queries import journal

        return journal.last_import(self._connection, model_id(self._connection, name), version)

    def was_given(self, name: ModelName, number: int | None = None) -> bool:
        """Whether a model ever had this name, or a version of such a model this number."""
        from modelreg.store.catalog.queries import journal

        if number is None:
            return any(entry.model for entry in journal.entries(self._connection, journal.JournalFilter(name)))
        return next(journal.entries(self._connection, journal.JournalFilter(name, number, limit=1)), None) is not None

    def journal_head(self) -> JournalEntry | None:
        """The newest entry."""
        from modelreg.store.catalog.queries import journal

        return journal.last(self._connection)

    def state(self) -> State:
        """Everything that the journal's entries describe, as it is now."""
        from modelreg.store.catalog import state

        return state.present(self._connection)

    def made_at(self) -> int | None:
        """When the catalog was made, in nanoseconds since 1970; None where somebody took the note of that away."""
        from modelreg.system.clock import from_text, in_utc

        (text,) = self._connection.execute("SELECT min(applied_at) FROM _sqlite_migrations").fetchone()
        try:
            return int(in_utc(from_text(text)).timestamp() * 10**6) * 1000
        except (TypeError, ValueError):
            return None

    def was_written_to(self) -> bool:
        """Whether anything was committed since the catalog was made, or came here as a copy.

        SQLite counts that in the file, of which all is read, so ask a small one. It is not to be opened for this:
        closing it would let go of SQLite's locks.
        """
        from modelreg.store.catalog.schema import SCHEMA_VERSION

        counter = self._connection.serialize()[_CHANGE_COUNTER]
        steps_added_in_this_copy = self.schema_version() < SCHEMA_VERSION
        return int.from_bytes(counter) > 1 + steps_added_in_this_copy

    def has_entry(self, seq: int, hash: str) -> bool:
        """Whether the journal has this very entry, and so everything before it."""
        from modelreg.store.catalog.queries import journal

        return journal.hash_of(self._connection, seq) == hash

    def candidates(self, glob: str | None = None) -> Iterator[PruneCandidate]:
        """The versions of the models whose name fits a shell pattern, model after model, the newest first."""
        from modelreg.store.catalog.queries import stored

        return stored.candidates(self._connection, glob)

    def stored_versions(self, digest: Digest | None = None) -> Iterator[StoredVersion]:
        """Every version with its files, or those of one digest; read while they are asked for."""
        from modelreg.store.catalog.queries import stored

        return stored.stored_versions(self._connection, digest)

    def manifests(self, without: Collection[tuple[ModelName, int]] = ()) -> set[Digest]:
        """The digests of all versions, as if those ``without`` were not there, and of the models of runs."""
        from modelreg.store.catalog.queries import stored

        return stored.manifests(self._connection, without)

    def file_digests(self, without: Collection[tuple[ModelName, int]] = ()) -> set[Digest]:
        """The digests of all files of versions, as if those ``without`` were not there, and of the models of runs."""
        from modelreg.store.catalog.queries import stored

        return stored.files(self._connection, without)

    def size_of_files(self) -> int:
        """Bytes of all files of versions and runs, each counted once."""
        from modelreg.store.catalog.queries import stored

        return stored.size_of_files(self._connection)

    def integrity_problems(self) -> list[str]:
        """What is wrong with the catalog as a database: broken pages, indexes or foreign keys, wrong counts.

        Where a table is not as it was made, nothing else is asked: it may not be there.
        """
        changed = self._changed_objects()
        if changed:
            return changed
        found = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
        problems = [problem for problem in found if problem != "ok"]
        if problems:
            return problems
        foreign = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        problems += [f"a row of {row['table']} refers to a row of {row['parent']} that is not there" for row in foreign]
        wrong = self._connection.execute(_WRONG_COUNTS).fetchall()
        problems += [f"the counts of {row['name']} are wrong" for row in wrong]
        return problems

    def _changed_objects(self) -> list[str]:
        """Tables, indexes and triggers that are not as they were made: what they promise does not hold."""
        from modelreg.store.catalog.schema import expected_objects, has_migrations_as_made, objects

        found = objects(self._connection)
        expected = expected_objects(contract=self.rules is StageRules.STRICT)
        changed = [name for name in sorted(found.keys() | expected.keys()) if found.get(name) != expected.get(name)]
        if not has_migrations_as_made(self._connection):
            changed.append("_sqlite_migrations")
        problems = [f"{name} is not as modelreg made it" for name in changed]
        mode = self._connection.execute("PRAGMA journal_mode").fetchone()[0]
        return problems if mode == "delete" else [*problems, f"the journal mode is {mode}, and modelreg's is delete"]
