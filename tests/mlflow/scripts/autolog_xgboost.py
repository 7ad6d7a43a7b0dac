import mlflow
import xgboost as xgb
from mlflow import MlflowClient
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

mlflow.xgboost.autolog()
X, y = load_iris(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
train, test = xgb.DMatrix(X_train, label=y_train), xgb.DMatrix(X_test, label=y_test)
with mlflow.start_run() as run:
    params = {"objective": "multi:softprob", "num_class": 3, "max_depth": 2, "eval_metric": "mlogloss"}
    model = xgb.train(params, train, num_boost_round=4, evals=[(train, "train"), (test, "test")], verbose_eval=False)
data = MlflowClient().get_run(run.info.run_id).data
print(data.params["max_depth"], data.params["num_boost_round"], sorted(data.metrics))
history = MlflowClient().get_metric_history(run.info.run_id, "test-mlogloss")
print([metric.step for metric in history])
loaded = mlflow.xgboost.load_model(f"runs:/{run.info.run_id}/model")
print((loaded.predict(test) == model.predict(test)).all())
with mlflow.start_run() as run:
    xgb.XGBClassifier(n_estimators=3).fit(X_train, y_train)
print(MlflowClient().get_run(run.info.run_id).data.params["n_estimators"])
# prints: 2 4 ['test-mlogloss', 'train-mlogloss']
# prints: [0, 1, 2, 3]
# prints: True
# prints: 3
