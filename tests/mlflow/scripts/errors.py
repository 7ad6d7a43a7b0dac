import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

client = mlflow.MlflowClient()
client.create_registered_model("known")
try:
    client.create_registered_model("known")
except MlflowException as error:
    print(error.error_code == ErrorCode.Name(RESOURCE_ALREADY_EXISTS))
try:
    client.get_model_version("known", 7)
except MlflowException as error:
    print(error.error_code)
try:
    mlflow.pyfunc.load_model("models:/unknown/1")
except MlflowException as error:
    print(error.error_code)
# prints: True
# prints: RESOURCE_DOES_NOT_EXIST
# prints: RESOURCE_DOES_NOT_EXIST
