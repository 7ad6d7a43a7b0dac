import mlflow
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer


def scaled_by(factor):
    return lambda values: values * factor


X, y = np.array([[1.0], [2.0], [3.0]]), np.array([2.0, 4.0, 6.0])
pipeline = make_pipeline(FunctionTransformer(scaled_by(10)), LinearRegression()).fit(X, y)
with mlflow.start_run() as run:
    mlflow.sklearn.log_model(pipeline, name="model", registered_model_name="scaled", serialization_format="cloudpickle")
print(np.round(mlflow.sklearn.load_model("models:/scaled/1").predict(np.array([[4.0]])), 6).tolist())
# prints: [8.0]
