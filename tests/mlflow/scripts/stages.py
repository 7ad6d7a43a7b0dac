import time

import mlflow
from mlflow.entities.model_registry.model_version_status import ModelVersionStatus
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression


def wait_until_ready(model_name, model_version):
    client = MlflowClient()
    for _ in range(10):
        details = client.get_model_version(name=model_name, version=model_version)
        status = ModelVersionStatus.from_string(details.status)
        if status == ModelVersionStatus.READY:
            return ModelVersionStatus.to_string(status)
        time.sleep(1)


client = MlflowClient()
for _ in range(2):
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), "model")
    details = mlflow.register_model(f"runs:/{run.info.run_id}/model", "power-forecasting-model")
    print(wait_until_ready(details.name, details.version))
client.update_registered_model(details.name, description="Forecasts the power output of a wind farm.")
client.update_model_version(details.name, details.version, description="A logistic regression.")
client.transition_model_version_stage(details.name, 1, stage="Production")
client.transition_model_version_stage(details.name, 2, stage="production", archive_existing_versions=True)
for version in sorted(client.search_model_versions(f"name='{details.name}'"), key=lambda mv: int(mv.version)):
    print(version.version, version.current_stage)
print([mv.version for mv in client.get_latest_versions(details.name, stages=["Production"])])
print(mlflow.pyfunc.load_model(f"models:/{details.name}/Production").predict([[5.0]]))
client.transition_model_version_stage(details.name, 2, stage="Archived")
client.delete_model_version(details.name, 1)
client.delete_registered_model(details.name)
print(client.search_registered_models().to_list() if hasattr(client.search_registered_models(), "to_list") else [])
# prints: READY
# prints: READY
# prints: 1 Archived
# prints: 2 Production
# prints: ['2']
# prints: [1]
# prints: []
