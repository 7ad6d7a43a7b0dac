import mlflow
import pandas as pd
from mlflow.models import infer_signature


class AddN(mlflow.pyfunc.PythonModel):
    def __init__(self, n):
        self.n = n

    def predict(self, context, model_input, params=None):
        return model_input.apply(lambda column: column + self.n)


model_input = pd.DataFrame([range(10)], columns=[f"c{n}" for n in range(10)])
model = AddN(n=5)
with mlflow.start_run():
    info = mlflow.pyfunc.log_model(
        name="add_n",
        python_model=model,
        signature=infer_signature(model_input, model.predict(None, model_input)),
        registered_model_name="adder",
    )
loaded = mlflow.pyfunc.load_model(info.model_uri)
print(loaded.predict(model_input).values.tolist())
print(mlflow.pyfunc.load_model("models:/adder/1").predict(model_input).equals(model_input + 5))
print(type(loaded.unwrap_python_model()).__name__, loaded.unwrap_python_model().n)
# prints: [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14]]
# prints: True
# prints: AddN 5
