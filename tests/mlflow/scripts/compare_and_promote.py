import mlflow
from mlflow.tracking import MlflowClient
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

experiment = mlflow.set_experiment("elastic-net")
X_train, X_test, y_train, y_test = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
for alpha in (0.01, 0.1, 1.0):
    with mlflow.start_run():
        model = ElasticNet(alpha=alpha, random_state=0).fit(X_train, y_train)
        mlflow.log_param("alpha", alpha)
        mlflow.log_metric("rmse", mean_squared_error(y_test, model.predict(X_test)) ** 0.5)
        mlflow.sklearn.log_model(model, name="model")
client = MlflowClient()
best = client.search_runs([experiment.experiment_id], order_by=["metrics.rmse ASC"], max_results=1)[0]
version = mlflow.register_model(
    f"runs:/{best.info.run_id}/model", "diabetes", tags={"alpha": best.data.params["alpha"]}
)
client.set_registered_model_alias("diabetes", "champion", version.version)
client.transition_model_version_stage("diabetes", version.version, "Production")
print(best.data.params["alpha"], version.tags)
print(mlflow.sklearn.load_model("models:/diabetes@champion").alpha)
# prints: 0.01 {'alpha': '0.01'}
# prints: 0.01
