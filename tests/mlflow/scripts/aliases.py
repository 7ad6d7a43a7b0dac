import mlflow
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

for C in (0.1, 1.0, 10.0):
    model = LogisticRegression(C=C).fit([[0.0], [1.0]], [0, 1])
    mlflow.sklearn.log_model(model, name="model", registered_model_name="example-model")
client = MlflowClient()
client.set_registered_model_alias("example-model", "champion", 1)
client.set_registered_model_alias("example-model", "champion", 3)
client.set_registered_model_alias("example-model", "production", 2)
client.set_registered_model_alias("example-model", "Staging", 1)
print(client.get_model_version_by_alias("example-model", "champion").version)
print(client.get_model_version_by_alias("example-model", "production").version)
print({alias: int(version) for alias, version in sorted(client.get_registered_model("example-model").aliases.items())})
print(mlflow.sklearn.load_model("models:/example-model@production").C)
client.delete_registered_model_alias("example-model", "Staging")
print(client.get_model_version("example-model", 1).aliases)
print(client.get_model_version("example-model", 1).current_stage)
# prints: 3
# prints: 2
# prints: {'Staging': 1, 'champion': 3, 'production': 2}
# prints: 1.0
# prints: []
# prints: None
