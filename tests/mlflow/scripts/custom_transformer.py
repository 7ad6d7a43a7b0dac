import mlflow
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline


class ColumnSelector(BaseEstimator, TransformerMixin):
    def __init__(self, columns):
        self.columns = columns

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[self.columns]


X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [9.0, 9.0, 9.0, 9.0]})
pipeline = Pipeline([("select", ColumnSelector(["a"])), ("lr", LogisticRegression())]).fit(X, [0, 0, 1, 1])
with mlflow.start_run():
    info = mlflow.sklearn.log_model(pipeline, name="model", input_example=X.head(2))
print(mlflow.pyfunc.load_model(info.model_uri).predict(X).tolist())
# prints: [0, 0, 1, 1]
