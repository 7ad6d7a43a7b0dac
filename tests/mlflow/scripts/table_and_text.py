import mlflow
import pandas as pd

with mlflow.start_run() as run:
    mlflow.log_table(data={"inputs": ["a", "b"], "outputs": ["x", "y"]}, artifact_file="eval.json")
    mlflow.log_table(data=pd.DataFrame({"inputs": ["c"], "outputs": ["z"]}), artifact_file="eval.json")
table = mlflow.load_table("eval.json", run_ids=[run.info.run_id])
print(table["outputs"].tolist())
# prints: ['x', 'y', 'z']
