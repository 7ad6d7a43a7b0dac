import json
from pathlib import Path

import mlflow
import mlflow.pyfunc


class Scorer(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.weights = json.loads(Path(context.artifacts["weights"]).read_text())

    def predict(self, context, model_input, params=None):
        factor = (params or {}).get("factor", 1)
        return [sum(self.weights) * factor * value for value in model_input]


Path("weights.json").write_text("[1, 2, 3]")
with mlflow.start_run() as run:
    mlflow.pyfunc.log_model(
        artifact_path="scorer", python_model=Scorer(), artifacts={"weights": "weights.json"}, pip_requirements=[]
    )
    mlflow.log_metric("score", 1)
Path("weights.json").unlink()
version = mlflow.register_model(f"runs:/{run.info.run_id}/scorer", "Scorer")
model = mlflow.pyfunc.load_model(f"models:/Scorer/{version.version}")
print(model.predict([1, 2]))
# prints: [6, 12]
