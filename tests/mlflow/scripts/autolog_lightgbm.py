import lightgbm as lgb
import mlflow
from mlflow import MlflowClient
from sklearn.datasets import load_breast_cancer

mlflow.lightgbm.autolog()
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
train = lgb.Dataset(X[:400], label=y[:400])
test = lgb.Dataset(X[400:], label=y[400:], reference=train)
with mlflow.start_run() as run:
    params = {"objective": "binary", "metric": "auc", "verbose": -1, "num_leaves": 7}
    booster = lgb.train(params, train, num_boost_round=5, valid_sets=[test], valid_names=["test"])
data = MlflowClient().get_run(run.info.run_id).data
print(data.params["num_leaves"], "test-auc" in data.metrics)
loaded = mlflow.lightgbm.load_model(f"runs:/{run.info.run_id}/model")
print((loaded.predict(X[400:]) == booster.predict(X[400:])).all())
# prints: 7 True
# prints: True
