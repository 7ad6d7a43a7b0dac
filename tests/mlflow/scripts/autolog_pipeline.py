import mlflow
import mlflow.sklearn
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

mlflow.sklearn.autolog(log_input_examples=False, log_models=True, silent=True)
X = np.array([[1, 1], [1, 2], [2, 2], [2, 3]])
y = np.dot(X, np.array([1, 2])) + 3
pipe = Pipeline([("scaler", StandardScaler()), ("lr", LinearRegression())])
with mlflow.start_run() as run:
    pipe.fit(X, y)
run = mlflow.get_run(run.info.run_id)
print(run.data.params["lr__fit_intercept"], run.data.params["scaler__with_mean"])
print(round(run.data.metrics["training_r2_score"], 6))
print(len(mlflow.search_runs()))
# prints: True True
# prints: 1.0
# prints: 1
