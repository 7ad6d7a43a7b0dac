"""Reading the catalog: one consistent snapshot as records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from modelreg.domain.references import check_plain_alias
from modelreg.domain.stages import StageRules
from modelreg.store.catalog.queries.models import (
    check_name,
    choose_models,
    find_model,
    model_id,
    model_name,
    read_models,
    stage_rules,
)

if TYPE_CHECKING:
    from modelreg.domain.evaluations import Evaluation
    from modelreg.domain.gates import Gate
    from modelreg.domain.models import Model
    from modelreg.domain.references import ModelName, Reference
    from modelreg.domain.scans import TrustedName
    from modelreg.domain.stages import Stage
    from modelreg.domain.versions import ModelVersion
    from modelreg.expressions.building import Key
    from modelreg.expressions.tree import Expression, Field
    from modelreg.store.catalog.journal_chain import State
    from modelreg.store.catalog.queries.journal import JournalQueries
    from modelreg.store.catalog.queries.runs import RunQueries
    from modelreg.store.catalog.queries.storage import StorageQueries

_COUNTS = "SELECT count(*), coalesce(sum(versions), 0) FROM models"
_WRONG_COUNTS = """
SELECT name FROM models
WHERE versions <> (SELECT count(*) FROM versions WHERE model = models.id)
   OR archived <> (SELECT count(*) FROM versions WHERE model = models.id AND stage = 'Archived')
   OR next_version <= (SELECT coalesce(max(version), 0) FROM versions WHERE model = models.id)
"""
_CHANGE_COUNTER = slice(24, 28)  # bytes of the database header, see https://www.sqlite.org/fileformat.html


class CatalogReader:
    """Reads one snapshot of the catalog; created by `Catalog.reading`.

    Queries are imported where they are used: listing models, the most frequent command, needs only those of models.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # Subjects of their own

    @property
    def journal(self) -> JournalQueries:
        """Queries of the journal."""
        from modelreg.store.catalog.queries.journal import JournalQueries

        return JournalQueries(self._connection)

    @property
    def runs(self) -> RunQueries:
        """Queries of runs and their models."""
        from modelreg.store.catalog.queries.runs import RunQueries

        return RunQueries(self._connection)

    @property
    def storage(self) -> StorageQueries:
        """Queries of the stored files: which are needed, and which versions could be pruned."""
        from modelreg.store.catalog.queries.storage import StorageQueries

        return StorageQueries(self._connection)

    # Settings

    def setting(self, name: str) -> str | None:
        """A setting of the registry; None if it is not set."""
        row = self._connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def settings(self, prefix: str) -> dict[str, str]:
        """The settings whose names start with ``prefix``: rest of the name -> value."""
        query = "SELECT name, value FROM settings WHERE substr(name, 1, length(:prefix)) = :prefix ORDER BY name"
        rows = self._connection.execute(query, {"prefix": prefix})
        return {row["name"].removeprefix(prefix): row["value"] for row in rows}

    @property
    def rules(self) -> StageRules:
        """The rules for stages, names and deletion."""
        return stage_rules(self._connection)

    # Models

    def model_number(self, name: str) -> int:
        """The id of a model, which stays the same when it is renamed; raises `ModelNotFound`."""
        return model_id(self._connection, name)

    def name_of(self, model: int) -> ModelName:
        """The current name of the model with this id; raises `ModelNotFound`."""
        return model_name(self._connection, model)

    def counts(self) -> tuple[int, int]:
        """The number of models, and the number of versions."""
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
        """The models whose name matches a shell pattern and that have a version for which ``where`` is true."""
        if glob is None and where is None and not order and limit is None and not offset:
            return read_models(self._connection)
        return choose_models(self._connection, glob, where, order, limit, offset)

    def has_model(self, name: str) -> bool:
        """Whether a model has exactly this name."""
        return find_model(self._connection, name) is not None

    def check_name(self, name: str) -> None:
        """Raise `InvalidName` or `NameTaken` if the registry's rules, strict or MLflow's, do not allow this name."""
        check_name(self._connection, name)

    def check_alias(self, alias: str) -> None:
        """Raise `InvalidName` if the registry's rules (strict or MLflow's) do not allow this alias."""
        if self.rules is StageRules.STRICT:
            check_plain_alias(alias)

    def model(self, name: str) -> Model:
        """The model of this name; raises `ModelNotFound`."""
        (model,) = read_models(self._connection, model_id(self._connection, name))
        return model

    # Versions

    def versions(
        self,
        name: ModelName,
        where: Expression | None = None,
        order: Sequence[Key] = (),
        limit: int | None = None,
    ) -> list[ModelVersion]:
        """The versions of a model for which ``where`` is true, sorted by ``order``, then newest first.

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
        """The versions of all models for which ``where`` is true, sorted by ``order``, model name, newest first."""
        from modelreg.store.catalog.queries.versions import choose_among_all, read_versions_of_many

        return read_versions_of_many(self._connection, choose_among_all(self._connection, where, order, limit, offset))

    def latest_in_stages(self, name: ModelName) -> list[ModelVersion]:
        """The newest version of a model in each non-empty stage; raises `ModelNotFound`."""
        from modelreg.store.catalog.queries.resolution import latest_in_stages
        from modelreg.store.catalog.queries.versions import read_chosen_versions

        model = model_id(self._connection, name)
        return read_chosen_versions(self._connection, model, name, latest_in_stages(self._connection, model))

    def version(self, reference: Reference) -> ModelVersion:
        """The version that ``reference`` resolves to; raises what `number` raises."""
        from modelreg.store.catalog.queries.versions import read_versions

        number = self.number(reference)
        model = model_id(self._connection, reference.name)
        (version,) = read_versions(self._connection, model, reference.name, number, number)
        return version

    def number(self, reference: Reference) -> int:
        """The number of the version that ``reference`` resolves to; the highest of several.

        Raises `ModelNotFound`, `VersionNotFound`, `StageEmpty`, `AliasNotFound` or `Conflict`.
        """
        from modelreg.store.catalog.queries.resolution import resolve

        return resolve(self._connection, reference)

    def in_stage(self, name: ModelName, stage: Stage) -> list[int]:
        """The numbers of a model's versions in ``stage``, newest first."""
        from modelreg.store.catalog.queries.resolution import versions_in_stage

        return versions_in_stage(self._connection, model_id(self._connection, name), stage)

    def stages(self, name: ModelName, versions: Iterable[int]) -> dict[int, Stage]:
        """The stages of the existing ones among ``versions``, and of the versions in Production."""
        from modelreg.store.catalog.queries.resolution import stages_of

        return stages_of(self._connection, model_id(self._connection, name), versions)

    def list_fields(self, name: ModelName | None, field: str) -> list[Field]:
        """The keys of ``field``, such as ``metrics``, that have a value in a version of the model, or of any model."""
        from modelreg.store.catalog.queries.fields import list_fields

        return list_fields(self._connection, None if name is None else model_id(self._connection, name), field)

    # Gates, evaluations, trust

    def gates(self, name: ModelName | None = None, stage: Stage | None = None) -> list[Gate]:
        """The gates of a model, including those for every model; all gates without a name."""
        from modelreg.store.catalog.queries.gates import read_gates

        model = None if name is None else model_id(self._connection, name)
        return read_gates(self._connection, model, stage)

    def evaluations(self, name: ModelName, digest: str) -> list[Evaluation]:
        """The evaluations of a model's versions with this digest, by data set."""
        from modelreg.store.catalog.queries.evaluations import read_evaluations

        return read_evaluations(self._connection, model_id(self._connection, name), digest)

    def trusted_names(self) -> list[TrustedName]:
        """The names that models may import in addition to the allow-list."""
        from modelreg.store.catalog.queries.trust import read_trusted_names

        return read_trusted_names(self._connection)

    def is_imported(self, module: str, name: str) -> bool:
        """Whether a version imports this name, which is not on the allow-list."""
        from modelreg.store.catalog.queries.trust import is_imported

        return is_imported(self._connection, module, name)

    # The catalog itself

    def schema_version(self) -> int:
        """The number of applied migrations."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def state(self) -> State:
        """The current state of everything that the journal describes."""
        from modelreg.store.catalog.state import current_state

        return current_state(self._connection)

    def made_at(self) -> int | None:
        """When the catalog was created, in nanoseconds since 1970; None if that record was removed by hand."""
        from modelreg.system.clock import from_text, in_utc

        (text,) = self._connection.execute("SELECT min(applied_at) FROM _sqlite_migrations").fetchone()
        try:
            return int(in_utc(from_text(text)).timestamp() * 10**6) * 1000
        except (TypeError, ValueError):
            return None

    def was_written_to(self) -> bool:
        """Whether anything was committed since the catalog was created, or copied here.

        SQLite keeps a counter in the file. This reads the whole database, so call it for a small one only. It must
        not open the file itself: closing it would release SQLite's locks.
        """
        from modelreg.store.catalog.schema import SCHEMA_VERSION

        counter = self._connection.serialize()[_CHANGE_COUNTER]
        was_migrated_in_memory = self.schema_version() < SCHEMA_VERSION
        return int.from_bytes(counter) > 1 + was_migrated_in_memory

    def integrity_problems(self) -> list[str]:
        """Damage of the database, as sentences: changed schema, broken pages, indexes or foreign keys, wrong counts.

        If the schema was changed, nothing else is checked: a table may be missing.
        """
        problems = self._find_schema_problems()
        if problems:
            return problems
        results = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
        problems = [result for result in results if result != "ok"]
        if problems:
            return problems
        broken_keys = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        problems += [
            f"a row of {row['table']} refers to a row of {row['parent']} that is missing" for row in broken_keys
        ]
        wrong_counts = self._connection.execute(_WRONG_COUNTS).fetchall()
        problems += [f"the counts of {row['name']} are wrong" for row in wrong_counts]
        return problems

    def _find_schema_problems(self) -> list[str]:
        """Tables, indexes, triggers and views that differ from the schema, and a changed journal mode."""
        from modelreg.store.catalog.schema import expected_objects, has_standard_migrations_table, objects

        actual = objects(self._connection)
        expected = expected_objects(strict=self.rules is StageRules.STRICT)
        changed = [name for name in sorted(actual.keys() | expected.keys()) if actual.get(name) != expected.get(name)]
        if not has_standard_migrations_table(self._connection):
            changed.append("_sqlite_migrations")
        problems = [f"{name} differs from the schema of modelreg" for name in changed]
        mode = self._connection.execute("PRAGMA journal_mode").fetchone()[0]
        return problems if mode == "delete" else [*problems, f"the journal mode is {mode}, and modelreg's is delete"]
