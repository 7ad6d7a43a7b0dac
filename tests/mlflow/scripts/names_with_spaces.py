import mlflow
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression

name = "Social Media Model"
client = MlflowClient()
client.create_registered_model(name, tags={"team": "social"}, description="Likes per post")
with mlflow.start_run() as run:
    mlflow.sklearn.log_model(LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0]), name="model")
client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id)
client.transition_model_version_stage(name, 1, "Staging")
print([(mv.name, mv.version, mv.current_stage) for mv in client.search_model_versions(f"name='{name}'")])
print(round(float(mlflow.pyfunc.load_model(f"models:/{name}/Staging").predict([[3.0]])[0]), 6))
client.rename_registered_model(name, "Likes")
print(client.get_registered_model("Likes").description)
# prints: [('Social Media Model', '1', 'Staging')]
# prints: 6.0
# prints: Likes per post
