import mlflow
from mlflow import MlflowClient
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

mlflow.autolog()
X, y = load_iris(return_X_y=True, as_frame=True)
with mlflow.start_run() as run:
    RandomForestClassifier(n_estimators=5, max_depth=2, random_state=0).fit(X, y)
data = MlflowClient().get_run(run.info.run_id).data
print(data.params["n_estimators"], data.params["max_depth"])
print(sorted(name for name in data.metrics if name.startswith("training_")))
print(data.tags["estimator_name"])
model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
print(model.predict(X.head(2)).tolist())
version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "autologged")
print(version.name, version.version)
# prints: 5 2
# prints: ['training_accuracy_score', 'training_f1_score', 'training_log_loss', 'training_precision_score', 'training_recall_score', 'training_roc_auc', 'training_score']
# prints: RandomForestClassifier
# prints: [0, 0]
# prints: autologged 1
