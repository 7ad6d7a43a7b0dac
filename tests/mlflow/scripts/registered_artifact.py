import pickle

import mlflow
from sklearn.linear_model import LogisticRegression

model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
with open("model.pkl", "wb") as file:
    pickle.dump(model, file)
with mlflow.start_run() as run:
    mlflow.log_artifact("model.pkl", artifact_path="my_model")
version = mlflow.register_model(f"runs:/{run.info.run_id}/my_model/model.pkl", "by-hand")
print(version.name, version.version)
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="my_model/model.pkl")
with open(path, "rb") as file:
    print(pickle.load(file).predict([[0.9]]).tolist())
# prints: by-hand 1
# prints: [1]
