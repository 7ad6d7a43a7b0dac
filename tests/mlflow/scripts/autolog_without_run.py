import mlflow
from sklearn.linear_model import LogisticRegression

mlflow.sklearn.autolog()
LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
run = mlflow.last_active_run()
print(run.info.status, run.data.params["C"], run.data.metrics["training_accuracy_score"])
mlflow.sklearn.autolog(disable=True)
LogisticRegression().fit([[0.0], [1.0]], [0, 1])
print(len(mlflow.search_runs()))
# prints: FINISHED 0.5 1.0
# prints: 1
