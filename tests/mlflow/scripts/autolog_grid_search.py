import mlflow
from sklearn import svm
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

mlflow.autolog()
iris = load_iris()
search = GridSearchCV(svm.SVC(), {"kernel": ("linear", "rbf"), "C": [1, 10]}, cv=3)
with mlflow.start_run() as run:
    search.fit(iris.data, iris.target)
parent = mlflow.get_run(run.info.run_id)
print(parent.data.params["best_kernel"], parent.data.params["best_C"], "best_cv_score" in parent.data.metrics)
children = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{run.info.run_id}'")
print(len(children), "metrics.mean_test_score" in children.columns)
# prints: linear 1 True
# prints: 4 True
