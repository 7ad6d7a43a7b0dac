import mlflow
from mlflow import MlflowClient
from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository
from sklearn.ensemble import RandomForestRegressor

name = "RandomForestRegression"
client = MlflowClient()
client.create_registered_model(name)
with mlflow.start_run() as run:
    mlflow.log_params({"n_estimators": 3, "random_state": 42})
    model = RandomForestRegressor(n_estimators=3, random_state=42).fit([[1], [2], [3]], [1, 2, 3])
    mlflow.sklearn.log_model(model, name="model", skops_trusted_types=["sklearn.tree._tree.Tree"])
runs_uri = f"runs:/{run.info.run_id}/model"
model_src = RunsArtifactRepository.get_underlying_uri(runs_uri)
mv = client.create_model_version(name, model_src, run.info.run_id, description="A new version of the model")
print(mv.name, mv.version, mv.description, mv.status, mv.current_stage)
print(client.get_model_version_stages(name, mv.version))
# prints: RandomForestRegression 1 A new version of the model READY None
# prints: ['None', 'Staging', 'Production', 'Archived']
