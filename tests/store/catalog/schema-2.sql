BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'modelreg','foundation','2026-11-25 14:30:19.279722+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'modelreg','runs','2026-11-25 14:30:19.280196+00:00');
CREATE TABLE aliases (
  model INTEGER NOT NULL,
  alias TEXT NOT NULL COLLATE NOCASE,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES versions(model, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "aliases" VALUES(1,'champion',1);
CREATE TABLE approvals (
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  user TEXT NOT NULL,
  message TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (model, digest, user)
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
CREATE TABLE files (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  PRIMARY KEY (model, version, path),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "files" VALUES(1,1,'model.pkl','sha256:740920f3ee1c90d8deebda134c5e4870cc085c9e7e59cfa1c63822edb4554498',24);
INSERT INTO "files" VALUES(1,2,'other.pkl','sha256:60fe1b4e5132671ca473878d5e6137cdc0fc033e00f10e271599b3df4e100901',24);
CREATE TABLE gates (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model INTEGER REFERENCES models(id),
  stage TEXT NOT NULL CHECK (stage IN ('Staging', 'Production', 'Archived')),
  expression TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE TABLE imports (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  module TEXT NOT NULL,
  name TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('safe', 'unknown', 'dangerous')),
  PRIMARY KEY (model, version, module, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
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
INSERT INTO "journal" VALUES(1,'2026-11-25T14:30:19.338700Z',1,'register',1,'churn',1,NULL,NULL,'why','root',NULL,NULL,'modelreg 0.1.0','{"migrations":[{"applied_at":"2026-11-25 14:30:19.279722+00:00","id":1,"migration_set":"modelreg","name":"foundation"},{"applied_at":"2026-11-25 14:30:19.280196+00:00","id":2,"migration_set":"modelreg","name":"runs"}],"model":{"aliases":{},"created_at":"2026-11-25T14:30:19.338700Z","created_by":"root","description":"","id":1,"name":"churn","next_version":2,"tags":{},"updated_at":"2026-11-25T14:30:19.338700Z"},"settings":{},"version":{"ci_job":null,"created_at":"2026-11-25T14:30:19.338700Z","created_by":"root","description":"","digest":"sha256:d116c95fef44bfaebb685b5444d939d8b6d633cf4b4ee3e17b0ae97597b5f440","environment":"{\"libraries\":{\"cloudpickle\":\"3.1.2\",\"joblib\":\"1.6.0\",\"numpy\":\"2.4.6\",\"pandas\":\"3.1.1\",\"scikit-learn\":\"1.9.1\",\"scipy\":\"1.17.1\",\"skops\":\"0.16.0\"},\"python\":\"3.11.7\"}","flavor":"file","format":"file","git_commit":null,"git_dirty":null,"imports":[],"model_class":null,"run_id":null,"scan":"safe","scan_reasons":"[]","signature":"{\"inputs\":[{\"name\":\"age\",\"nullable\":false,\"shape\":[],\"type\":\"int64\"}],\"outputs\":[]}","size":24,"source":"/tmp/tmp38zsrn3b/model.pkl","stage":"None","status":"READY","tags":{"team":"search"},"updated_at":"2026-11-25T14:30:19.338700Z","version":1}}','0000000000000000000000000000000000000000000000000000000000000000','cf1e77831ff5142ae9d7d79674beb26c5cf875ddcefa4cb9b011806cf6867309');
INSERT INTO "journal" VALUES(2,'2026-11-25T14:30:19.338700Z',1,'alias',1,'churn',1,NULL,NULL,'why','root',NULL,NULL,'modelreg 0.1.0','{"alias":{"champion":1},"model":{"aliases":{"champion":1},"updated_at":"2026-11-25T14:30:19.338700Z"},"version":{"updated_at":"2026-11-25T14:30:19.338700Z"}}','cf1e77831ff5142ae9d7d79674beb26c5cf875ddcefa4cb9b011806cf6867309','1a7bf67401907f94ee84acdfd73d5ff8deabbfc32974ebdf1b94837c6ccc0aae');
INSERT INTO "journal" VALUES(3,'2026-11-25T14:30:19.338700Z',1,'transition',1,'churn',1,'None','Production','why','root',NULL,NULL,'modelreg 0.1.0','{"model":{"updated_at":"2026-11-25T14:30:19.338700Z"},"version":{"stage":"Production","updated_at":"2026-11-25T14:30:19.338700Z"}}','1a7bf67401907f94ee84acdfd73d5ff8deabbfc32974ebdf1b94837c6ccc0aae','ca9a90cf9d78cfb196c6aa5523ea703ed18a1226b699b35e439e1542c1df81f8');
INSERT INTO "journal" VALUES(4,'2026-11-25T14:30:19.374592Z',4,'register',1,'churn',2,NULL,NULL,NULL,'root',NULL,NULL,'modelreg 0.1.0','{"model":{"next_version":3,"updated_at":"2026-11-25T14:30:19.374592Z"},"version":{"ci_job":null,"created_at":"2026-11-25T14:30:19.374592Z","created_by":"root","description":"second","digest":"sha256:18f74b672e1067cae5cd3b765ce5262a0ea864c59bb75bffea65d047b084a418","environment":"{\"libraries\":{\"cloudpickle\":\"3.1.2\",\"joblib\":\"1.6.0\",\"numpy\":\"2.4.6\",\"pandas\":\"3.1.1\",\"scikit-learn\":\"1.9.1\",\"scipy\":\"1.17.1\",\"skops\":\"0.16.0\"},\"python\":\"3.11.7\"}","flavor":"file","format":"file","git_commit":null,"git_dirty":null,"imports":[],"model_class":null,"run_id":null,"scan":"safe","scan_reasons":"[]","signature":null,"size":24,"source":"/tmp/tmp38zsrn3b/other.pkl","stage":"None","status":"READY","tags":{},"updated_at":"2026-11-25T14:30:19.374592Z","version":2}}','ca9a90cf9d78cfb196c6aa5523ea703ed18a1226b699b35e439e1542c1df81f8','3f91522d6a9f6bc7031a74910fcb54cd5dc2dd4c171cfb699dd3c4023de0df59');
INSERT INTO "journal" VALUES(5,'2026-11-25T14:30:19.388709Z',5,'transition',1,'churn',1,'Production','Archived',NULL,'root',NULL,NULL,'modelreg 0.1.0','{"model":{"updated_at":"2026-11-25T14:30:19.388709Z"},"version":{"stage":"Archived","updated_at":"2026-11-25T14:30:19.388709Z"}}','3f91522d6a9f6bc7031a74910fcb54cd5dc2dd4c171cfb699dd3c4023de0df59','526438b6b353781542cae28cdccee6479719f7f08f9196cf30e961044bee8d1f');
INSERT INTO "journal" VALUES(6,'2026-11-25T14:30:19.388709Z',5,'transition',1,'churn',2,'None','Production',NULL,'root',NULL,NULL,'modelreg 0.1.0','{"model":{"updated_at":"2026-11-25T14:30:19.388709Z"},"version":{"stage":"Production","updated_at":"2026-11-25T14:30:19.388709Z"}}','526438b6b353781542cae28cdccee6479719f7f08f9196cf30e961044bee8d1f','024816b87f7c807d1c1ee532cd972b9c3b26063951da0c999ffe1f0e01035e03');
INSERT INTO "journal" VALUES(7,'2026-11-25T14:30:19.454687Z',7,'register',2,'gone',1,NULL,NULL,NULL,'root',NULL,NULL,'modelreg 0.1.0','{"model":{"aliases":{},"created_at":"2026-11-25T14:30:19.454687Z","created_by":"root","description":"","id":2,"name":"gone","next_version":2,"tags":{},"updated_at":"2026-11-25T14:30:19.454687Z"},"version":{"ci_job":null,"created_at":"2026-11-25T14:30:19.454687Z","created_by":"root","description":"","digest":"sha256:18f74b672e1067cae5cd3b765ce5262a0ea864c59bb75bffea65d047b084a418","environment":"{\"libraries\":{\"cloudpickle\":\"3.1.2\",\"joblib\":\"1.6.0\",\"numpy\":\"2.4.6\",\"pandas\":\"3.1.1\",\"scikit-learn\":\"1.9.1\",\"scipy\":\"1.17.1\",\"skops\":\"0.16.0\"},\"python\":\"3.11.7\"}","flavor":"file","format":"file","git_commit":null,"git_dirty":null,"imports":[],"model_class":null,"run_id":null,"scan":"safe","scan_reasons":"[]","signature":null,"size":24,"source":"/tmp/tmp38zsrn3b/other.pkl","stage":"None","status":"READY","tags":{},"updated_at":"2026-11-25T14:30:19.454687Z","version":1}}','024816b87f7c807d1c1ee532cd972b9c3b26063951da0c999ffe1f0e01035e03','f6ebc0ce9852013b5f0e2c2fd0ce3be33fd0c8fe29ab4862dc840df2ff016858');
INSERT INTO "journal" VALUES(8,'2026-11-25T14:30:19.551420Z',8,'delete',2,'gone',1,NULL,NULL,NULL,'root',NULL,NULL,'modelreg 0.1.0','{"model":{"updated_at":"2026-11-25T14:30:19.551420Z"},"version":null}','f6ebc0ce9852013b5f0e2c2fd0ce3be33fd0c8fe29ab4862dc840df2ff016858','fb5821143a5c92ef4fa57109c3b7799eff3692c9b7330553a6ba9779197104a4');
INSERT INTO "journal" VALUES(9,'2026-11-25T14:30:19.626699Z',9,'delete',2,'gone',NULL,NULL,NULL,NULL,'root',NULL,NULL,'modelreg 0.1.0','{"model":null}','fb5821143a5c92ef4fa57109c3b7799eff3692c9b7330553a6ba9779197104a4','dfbdfe5de6d9a6b1481c1e930fdefccb2575fae3c336788fe2ec1ccee179963e');
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
CREATE TABLE metrics (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (model, version, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "metrics" VALUES(1,1,'auc',0.9);
CREATE TABLE model_tags (
  model INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, name)
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
INSERT INTO "models" VALUES(1,'churn','',3,2,1,'root','2026-11-25T14:30:19.338700Z','2026-11-25T14:30:19.388709Z');
CREATE TABLE params (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "params" VALUES(1,1,'depth','3');
CREATE TABLE retired_names (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  next_version INTEGER NOT NULL CHECK (next_version >= 1)
) STRICT, WITHOUT ROWID;
INSERT INTO "retired_names" VALUES('gone',2);
CREATE TABLE run_metrics (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_params (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_tags (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY,
  name TEXT,
  status TEXT NOT NULL,
  created_by TEXT NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE trusted_names (
  module TEXT NOT NULL,
  name TEXT NOT NULL,
  message TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (module, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE version_tags (
  model INTEGER NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, version, name),
  FOREIGN KEY (model, version) REFERENCES versions(model, version) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "version_tags" VALUES(1,1,'team','search');
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
INSERT INTO "versions" VALUES(1,1,'Archived','READY','','sha256:d116c95fef44bfaebb685b5444d939d8b6d633cf4b4ee3e17b0ae97597b5f440',24,'file','file',NULL,'{"inputs":[{"name":"age","nullable":false,"shape":[],"type":"int64"}],"outputs":[]}','safe','[]','/tmp/tmp38zsrn3b/model.pkl',NULL,NULL,NULL,NULL,'{"libraries":{"cloudpickle":"3.1.2","joblib":"1.6.0","numpy":"2.4.6","pandas":"3.1.1","scikit-learn":"1.9.1","scipy":"1.17.1","skops":"0.16.0"},"python":"3.11.7"}','root','2026-11-25T14:30:19.338700Z','2026-11-25T14:30:19.388709Z');
INSERT INTO "versions" VALUES(1,2,'Production','READY','second','sha256:18f74b672e1067cae5cd3b765ce5262a0ea864c59bb75bffea65d047b084a418',24,'file','file',NULL,NULL,'safe','[]','/tmp/tmp38zsrn3b/other.pkl',NULL,NULL,NULL,NULL,'{"libraries":{"cloudpickle":"3.1.2","joblib":"1.6.0","numpy":"2.4.6","pandas":"3.1.1","scikit-learn":"1.9.1","scipy":"1.17.1","skops":"0.16.0"},"python":"3.11.7"}','root','2026-11-25T14:30:19.374592Z','2026-11-25T14:30:19.388709Z');
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX one_name_whatever_its_case ON models(name COLLATE NOCASE);
CREATE UNIQUE INDEX one_version_in_production ON versions(model) WHERE stage = 'Production';
CREATE INDEX versions_in_staging ON versions(model, version) WHERE stage = 'Staging';
CREATE INDEX versions_by_stage ON versions(stage, model, version);
CREATE INDEX versions_by_flavor ON versions(flavor);
CREATE INDEX versions_by_model_class ON versions(model_class);
CREATE INDEX versions_by_git_commit ON versions(git_commit);
CREATE INDEX versions_by_run ON versions(run_id);
CREATE INDEX versions_by_creation ON versions(created_at);
CREATE INDEX versions_by_digest ON versions(model, digest, version);
CREATE INDEX files_by_digest ON files(digest);
CREATE INDEX imports_by_name ON imports(module, name) WHERE verdict <> 'safe';
CREATE INDEX metrics_by_value ON metrics(name, value);
CREATE INDEX params_by_value ON params(name, value);
CREATE INDEX version_tags_by_value ON version_tags(name, value);
CREATE INDEX aliases_by_version ON aliases(model, version);
CREATE UNIQUE INDEX one_gate_of_an_expression ON gates(coalesce(model, 0), stage, expression);
CREATE INDEX evaluation_metrics_by_value ON evaluation_metrics(dataset, metric, value);
CREATE INDEX journal_by_model ON journal(model, version, seq);
CREATE INDEX journal_by_name ON journal(name, seq);
CREATE INDEX journal_of_production ON journal(model, seq) WHERE to_stage = 'Production';
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
CREATE TRIGGER version_added AFTER INSERT ON versions BEGIN
  UPDATE models SET versions = versions + 1, archived = archived + (NEW.stage = 'Archived') WHERE id = NEW.model;
END;
CREATE TRIGGER version_deleted AFTER DELETE ON versions BEGIN
  UPDATE models SET versions = versions - 1, archived = archived - (OLD.stage = 'Archived') WHERE id = OLD.model;
END;
CREATE TRIGGER version_moved AFTER UPDATE OF stage ON versions BEGIN
  UPDATE models SET archived = archived + (NEW.stage = 'Archived') - (OLD.stage = 'Archived') WHERE id = NEW.model;
END;
CREATE TRIGGER journal_only_grows BEFORE INSERT ON journal
WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM journal) BEGIN
  SELECT RAISE(ABORT, 'a journal entry is never replaced');
END;
CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal BEGIN
  SELECT RAISE(ABORT, 'a journal entry is never changed');
END;
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal BEGIN
  SELECT RAISE(ABORT, 'a journal entry is never deleted');
END;
CREATE INDEX logged_models_by_digest ON logged_models(digest);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('models',2);
COMMIT;
PRAGMA application_id = 1297237319;
PRAGMA user_version = 2;
