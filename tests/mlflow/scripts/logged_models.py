import mlflow
from sklearn.linear_model import LogisticRegression

with mlflow.start_run() as run:
    mlflow.log_params({"C": 0.5})
    info = mlflow.sklearn.log_model(LogisticRegression(C=0.5).fit([[0.0], [1.0]], [0, 1]), name="iris")
    mlflow.log_metrics({"auc": 0.75}, model_id=info.model_id)
model = mlflow.get_logged_model(info.model_id)
print(model.name, model.model_id == info.model_id, model.source_run_id == run.info.run_id)
print(model.params["C"], [(metric.key, metric.value) for metric in model.metrics])
print(mlflow.last_logged_model().name)
print(mlflow.sklearn.load_model(f"models:/{info.model_id}").C)
version = mlflow.register_model(f"models:/{info.model_id}", "from-logged")
print(version.version, version.run_id == run.info.run_id)
found = mlflow.search_logged_models(output_format="list")
print([each.name for each in found])
# prints: iris True True
# prints: 0.5 [('auc', 0.75)]
# prints: iris
# prints: 0.5
# prints: 1 True
# prints: ['iris']
