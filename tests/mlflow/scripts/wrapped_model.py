import joblib
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

X, y = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(X, y)
joblib.dump(model, "model.joblib")


class Wrapper(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.model = joblib.load(context.artifacts["model"])

    def predict(self, context: mlflow.pyfunc.PythonModelContext, model_input: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(model_input)[:, 0].round(6)


with mlflow.start_run() as run:
    dataset = mlflow.data.from_pandas(X, name="iris")
    mlflow.log_input(dataset, context="training")
    mlflow.log_metric("accuracy", model.score(X, y), dataset=dataset)
    info = mlflow.pyfunc.log_model(
        "wrapped",
        python_model=Wrapper(),
        artifacts={"model": "model.joblib"},
        signature=infer_signature(X, model.predict_proba(X)[:, 0]),
    )
print((mlflow.pyfunc.load_model(info.model_uri).predict(X) == model.predict_proba(X)[:, 0].round(6)).all())
logged = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
print([(each.dataset.name, each.tags[0].value) for each in logged])
# prints: True
# prints: [('iris', 'training')]
