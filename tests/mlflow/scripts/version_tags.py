import mlflow
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
mlflow.sklearn.log_model(model, name="model", registered_model_name="tagged")
client = MlflowClient()
client.set_registered_model_tag("tagged", "task", "classification")
client.set_model_version_tag("tagged", "1", "validation_status", "approved")
client.set_model_version_tag("tagged", "1", "temporary", "yes")
client.delete_model_version_tag("tagged", "1", "temporary")
print(client.get_model_version("tagged", 1).tags)
print(client.get_registered_model("tagged").tags)
found = client.search_model_versions("tags.validation_status = 'approved'")
print([(mv.name, mv.version) for mv in found])
print([rm.name for rm in client.search_registered_models("name LIKE 'tag%'")])
copied = client.copy_model_version("models:/tagged/1", "tagged-production")
print(copied.name, copied.version, copied.tags)
# prints: {'validation_status': 'approved'}
# prints: {'task': 'classification'}
# prints: [('tagged', '1')]
# prints: ['tagged']
# prints: tagged-production 1 {'validation_status': 'approved'}
