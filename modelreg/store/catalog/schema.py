"""The catalog's schema: one function per migration step, applied in order by sqlite-utils.

``user_version`` is the number of applied steps. sqlite-utils records each step under its function's name, so these
names never change. `docs/catalog.md` describes tables and columns.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Mapping

APPLICATION_ID = 0x4D524547  # 'MREG': marks an SQLite file as a catalog

_TABLES = """
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE models (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  next_version INTEGER NOT NULL DEFAULT 1 CHECK (next_version >= 1),
  versions INTEGER NOT NULL DEFAULT 0 CHECK (versions >= 0),
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived >= 0),
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_name_whatever_its_case ON models(name COLLATE NOCASE);

CREATE TABLE retired_names (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  next_version INTEGER NOT NULL CHECK (next_version >= 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE versions (
  model INTEGER NOT NULL REFERENCES models(id),
  version INTEGER NOT NULL CHECK (version >= 1),
  stage TEXT NOT NULL DEFAULT 'None' CHECK (stage IN ('None', 'Staging', 'Production', 'Archived')),
  status TEXT NOT NULL DEFAULT 'READY',
  description TEXT NOT NULL DEFAULT '',
  digest TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  flavor TEXT NOT NULL,
  format TEXT NOT NULL,
  model_class TEXT,
  signature TEXT CHECK (signature IS NULL OR json_valid(signature)),
  scan TEXT CHECK (scan IN ('safe', 'unknown', 'unreadable', 'dangerous')),
  scan_reasons TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scan_reasons)),
  source TEXT NOT NULL,
  run_id TEXT,
  git_commit TEXT,
  git_dirty INTEGER CHECK (git_dirty IN (0, 1)),
  ci_job TEXT,
  environment TEXT NOT NULL CHECK (json_valid(environment)),
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (model, version)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_version_in_production ON versions(model) WHERE stage = 'Production';
CREATE INDEX versions_in_staging ON versions(model, version) WHERE stage = 'Staging';
CREATE INDEX versions_by_stage ON versions(stage, model, version);
CREATE INDEX versions_by_flavor ON versions(flavor);
CREATE INDEX versions_by_model_class ON versions(model_class);
CREATE INDEX versions_by_git_commit ON versions(git_commit);
CREATE INDEX versions_by_run ON versions(run_id);
CREATE INDEX versions_by_creation ON versions(created_at);
CREATE INDEX versions_by_digest ON versions(model, digest, version);

CREATE TABLE files (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  PRIMARY KEY (model, version, path),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX files_by_digest ON files(digest);

CREATE TABLE imports (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  module TEXT NOT NULL,
  name TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('safe', 'unknown', 'dangerous')),
  PRIMARY KEY (model, version, module, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX imports_by_name ON imports(module, name) WHERE verdict <> 'safe';

CREATE TABLE metrics (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (model, version, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX metrics_by_value ON metrics(name, value);

CREATE TABLE params (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX params_by_value ON params(name, value);

CREATE TABLE model_tags (
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE version_tags (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX version_tags_by_value ON version_tags(name, value);

CREATE TABLE aliases (
  model INTEGER NOT NULL,
  alias TEXT NOT NULL COLLATE NOCASE,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES versions(model, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_version ON aliases(model, version);

CREATE TABLE runs (
  run_id TEXT PRIMARY KEY,
  name TEXT,
  status TEXT NOT NULL,
  created_by TEXT NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE gates (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model INTEGER REFERENCES models(id),
  stage TEXT NOT NULL CHECK (stage IN ('Staging', 'Production', 'Archived')),
  expression TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_gate_of_an_expression ON gates(coalesce(model, 0), stage, expression);

CREATE TABLE evaluations (
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  dataset TEXT NOT NULL,
  task TEXT CHECK (task IN ('classification', 'regression')),
  confusion_matrix TEXT CHECK (confusion_matrix IS NULL OR json_valid(confusion_matrix)),
  data_digest TEXT,
  data_rows INTEGER CHECK (data_rows >= 0),
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (model, digest, dataset)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluation_metrics (
  model INTEGER NOT NULL,
  digest TEXT NOT NULL,
  dataset TEXT NOT NULL,
  metric TEXT NOT NULL,
  value REAL,
  missing_because TEXT,
  PRIMARY KEY (model, digest, dataset, metric),
  FOREIGN KEY (model, digest, dataset) REFERENCES evaluations(model, digest, dataset) ON DELETE CASCADE,
  CHECK ((value IS NULL) = (missing_because IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX evaluation_metrics_by_value ON evaluation_metrics(dataset, metric, value);

CREATE TABLE approvals (
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  user TEXT NOT NULL,
  message TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (model, digest, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE trusted_names (
  module TEXT NOT NULL,
  name TEXT NOT NULL,
  message TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (module, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  batch INTEGER NOT NULL,
  action TEXT NOT NULL,
  model INTEGER NOT NULL,
  name TEXT NOT NULL,
  version INTEGER,
  from_stage TEXT,
  to_stage TEXT,
  message TEXT,
  user TEXT NOT NULL,
  claimed_user TEXT,
  ci_job TEXT,
  tool TEXT NOT NULL,
  after TEXT NOT NULL CHECK (json_valid(after)),
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX journal_by_model ON journal(model, version, seq);
CREATE INDEX journal_by_name ON journal(name, seq);
CREATE INDEX journal_of_production ON journal(model, seq) WHERE to_stage = 'Production';
"""

_VIEWS = """
CREATE VIEW registered_models AS
SELECT name, description, versions,
       (SELECT max(version) FROM versions WHERE model = models.id) AS latest,
       (SELECT group_concat(version, ', ') FROM versions WHERE model = models.id AND stage = 'Staging') AS staging,
       (SELECT version FROM versions WHERE model = models.id AND stage = 'Production') AS production,
       archived, created_by, created_at, updated_at
FROM models;

CREATE VIEW model_versions AS
SELECT models.name, versions.version, versions.stage, versions.status,
       (SELECT group_concat(alias, ', ') FROM aliases
        WHERE aliases.model = versions.model AND aliases.version = versions.version) AS aliases,
       versions.digest, versions.size, versions.flavor, versions.format, versions.model_class,
       (SELECT json_group_object(name, value) FROM metrics
        WHERE metrics.model = versions.model AND metrics.version = versions.version) AS metrics,
       (SELECT json_group_object(name, value) FROM params
        WHERE params.model = versions.model AND params.version = versions.version) AS params,
       versions.description, versions.source, versions.git_commit,
       versions.created_by, versions.created_at, versions.updated_at
FROM versions JOIN models ON models.id = versions.model;
"""

# Triggers keep the counts, so that no statement can forget them.
_TRIGGERS = (
    """
CREATE TRIGGER version_added AFTER INSERT ON versions BEGIN
  UPDATE models SET versions = versions + 1, archived = archived + (NEW.stage = 'Archived') WHERE id = NEW.model;
END
""",
    """
CREATE TRIGGER version_deleted AFTER DELETE ON versions BEGIN
  UPDATE models SET versions = versions - 1, archived = archived - (OLD.stage = 'Archived') WHERE id = OLD.model;
END
""",
    """
CREATE TRIGGER version_moved AFTER UPDATE OF stage ON versions BEGIN
  UPDATE models SET archived = archived + (NEW.stage = 'Archived') - (OLD.stage = 'Archived') WHERE id = NEW.model;
END
""",
    """
CREATE TRIGGER journal_only_grows BEFORE INSERT ON journal
WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM journal) BEGIN
  SELECT RAISE(ABORT, 'a journal entry is never replaced');
END
""",
    """
CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal BEGIN
  SELECT RAISE(ABORT, 'a journal entry is never changed');
END
""",
    """
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal BEGIN
  SELECT RAISE(ABORT, 'a journal entry is never deleted');
END
""",
)


_RUNS = """
CREATE TABLE run_params (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_metrics (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_tags (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE logged_models (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  file TEXT NOT NULL,
  file_digest TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  created_at TEXT NOT NULL,
  PRIMARY KEY (run_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX logged_models_by_digest ON logged_models(digest);
"""


_NEWEST_IN_PRODUCTION = """
DROP VIEW registered_models;
CREATE VIEW registered_models AS
SELECT name, description, versions,
       (SELECT max(version) FROM versions WHERE model = models.id) AS latest,
       (SELECT group_concat(version, ', ') FROM versions WHERE model = models.id AND stage = 'Staging') AS staging,
       (SELECT max(version) FROM versions WHERE model = models.id AND stage = 'Production') AS production,
       archived, created_by, created_at, updated_at
FROM models;
"""

_DROP_STRICT_INDEXES = """
DROP INDEX one_version_in_production;
DROP INDEX one_name_whatever_its_case;
"""


def _foundation(connection: sqlite3.Connection) -> None:
    """Models, versions, their files and metadata, the journal, and two views for people."""
    for statement in [*_statements(_TABLES + _VIEWS), *_TRIGGERS]:
        connection.execute(statement)


def _runs(connection: sqlite3.Connection) -> None:
    """Parameters, metrics, tags and models of runs."""
    for statement in _statements(_RUNS):
        connection.execute(statement)


def _newest_in_production(connection: sqlite3.Connection) -> None:
    """Show the newest version in Production in the view `registered_models`: MLflow's rules allow several."""
    for statement in _statements(_NEWEST_IN_PRODUCTION):
        connection.execute(statement)


def _attributes_of_imports(connection: sqlite3.Connection) -> None:
    """The attributes that hold an imported name: it may be trusted as the value of one attribute only."""
    connection.execute("ALTER TABLE imports ADD COLUMN attribute TEXT NOT NULL DEFAULT ''")


_ANSWERED_BY_INDEXES = """
DROP INDEX files_by_digest;
CREATE INDEX files_by_digest ON files(digest, size);
DROP INDEX journal_by_name;
CREATE INDEX journal_by_name ON journal(name, model, seq);
CREATE INDEX journal_of_model ON journal(model, seq);
"""


def _answered_by_indexes(connection: sqlite3.Connection) -> None:
    """Indexes that answer three queries without reading rows: journal by name, journal by model, size of all files."""
    for statement in _statements(_ANSWERED_BY_INDEXES):
        connection.execute(statement)


def _git_branch(connection: sqlite3.Connection) -> None:
    """The git branch on which a version was registered."""
    connection.execute("ALTER TABLE versions ADD COLUMN git_branch TEXT")
    connection.execute("CREATE INDEX versions_by_git_branch ON versions(git_branch)")


def _terms_of_evaluations(connection: sqlite3.Connection) -> None:
    """What an evaluation measured, as JSON; null if it was measured elsewhere, or by an older release."""
    connection.execute("ALTER TABLE evaluations ADD COLUMN terms TEXT CHECK (terms IS NULL OR json_valid(terms))")


def drop_strict_indexes(connection: sqlite3.Connection) -> None:
    """Apply MLflow's rules to a new catalog: several versions in Production, and names that differ only in case."""
    for statement in _statements(_DROP_STRICT_INDEXES):
        connection.execute(statement)


def _statements(script: str) -> list[str]:
    return [statement for statement in script.split(";\n") if statement.strip()]


_OBJECTS = """
SELECT name, sql FROM sqlite_master
WHERE sql IS NOT NULL AND NOT (type = 'table' AND name GLOB 'sqlite_*')
  AND name NOT IN ('_sqlite_migrations', 'idx__sqlite_migrations_migration_set_name')
"""
_COLUMNS_OF_MIGRATIONS = "SELECT name FROM pragma_table_info('_sqlite_migrations')"
_INDEXES_OF_MIGRATIONS = """
SELECT "unique", parts.name FROM pragma_index_list('_sqlite_migrations') AS indexes
JOIN pragma_index_info(indexes.name) AS parts ORDER BY indexes.seq, parts.seqno
"""
_MIGRATION_COLUMNS = {"migration_set", "name", "applied_at"}


def has_standard_migrations_table(connection: sqlite3.Connection) -> bool:
    """Whether the table in which sqlite-utils records migrations is as one of its releases creates it."""
    columns = {name for (name,) in connection.execute(_COLUMNS_OF_MIGRATIONS)}
    unique_columns = [tuple(row) for row in connection.execute(_INDEXES_OF_MIGRATIONS)]
    return columns - {"id"} == _MIGRATION_COLUMNS and unique_columns == [(1, "migration_set"), (1, "name")]


def objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Name -> SQL of the tables, indexes, triggers and views, without SQLite's own and those of sqlite-utils."""
    return dict(connection.execute(_OBJECTS).fetchall())


@functools.cache
def expected_objects(*, strict: bool) -> Mapping[str, str]:
    """The result of `objects` for an unchanged catalog; ``strict`` means the strict rules, not MLflow's."""
    fresh = sqlite3.connect(":memory:")
    try:
        for step in STEPS:
            step(fresh)
        if not strict:
            drop_strict_indexes(fresh)
        return objects(fresh)
    finally:
        fresh.close()


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _foundation,
    _runs,
    _newest_in_production,
    _attributes_of_imports,
    _answered_by_indexes,
    _git_branch,
    _terms_of_evaluations,
)
SCHEMA_VERSION = len(STEPS)


def migrate(connection: sqlite3.Connection, journal: Callable[[sqlite3.Connection], None]) -> None:
    """Migrate the schema to `SCHEMA_VERSION`, and let ``journal`` record that, in one transaction.

    The caller holds the write lock. The applied steps are read inside the transaction, so a second process finds
    nothing left to do.
    """
    from sqlite_utils import Database, Migrations  # imports pandas if it is installed: 400 ms and more

    migrations = Migrations("modelreg")
    for step in STEPS:
        migrations(name=step.__name__.strip("_"))(lambda database, step=step: step(database.conn))
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        journal(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # on a full disk SQLite has already rolled back
            connection.execute("ROLLBACK")
        raise
