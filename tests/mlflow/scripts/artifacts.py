import json
from pathlib import Path

import mlflow
from mlflow import MlflowClient

Path("features.txt").write_text("rooms, zipcode, median_price, school_rating, transport")
Path("data").mkdir()
Path("data/a.json").write_text(json.dumps({"a": 1}))
Path("data/sub").mkdir()
Path("data/sub/b.csv").write_text("x,y\n1,2\n")
with mlflow.start_run() as run:
    mlflow.log_artifact("features.txt")
    mlflow.log_artifact("features.txt", artifact_path="features")
    mlflow.log_artifacts("data", artifact_path="states")
    mlflow.log_dict({"k": "v"}, "data.json")
    mlflow.log_dict({"k": "v"}, "conf/data.yml")
    mlflow.log_text("text1", "dir/file.txt")
    print(mlflow.get_artifact_uri("features.txt").endswith("features.txt"))
client = MlflowClient()
print([(f.path, f.is_dir) for f in client.list_artifacts(run.info.run_id)])
print([f.path for f in client.list_artifacts(run.info.run_id, "states")])
local = client.download_artifacts(run.info.run_id, "features.txt")
print(Path(local).read_text())
print(mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/data.json"))
print(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/dir/file.txt"))
target = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="states", dst_path="here")
print(sorted(p.relative_to("here").as_posix() for p in Path("here").rglob("*") if p.is_file()))
print([f.path for f in mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="states/sub")])
# prints: True
# prints: [('conf', True), ('data.json', False), ('dir', True), ('features', True), ('features.txt', False), ('states', True)]
# prints: ['states/a.json', 'states/sub']
# prints: rooms, zipcode, median_price, school_rating, transport
# prints: {'k': 'v'}
# prints: text1
# prints: ['states/a.json', 'states/sub/b.csv']
# prints: ['states/sub/b.csv']
