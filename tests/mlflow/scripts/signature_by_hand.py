import mlflow
import numpy as np
import pandas as pd
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema
from sklearn.linear_model import LinearRegression

input_schema = Schema([ColSpec("double", "sepal length (cm)"), ColSpec("long", "petals")])
output_schema = Schema([ColSpec("double")])
signature = ModelSignature(inputs=input_schema, outputs=output_schema)
X = pd.DataFrame({"sepal length (cm)": [1.0, 2.0, 3.0], "petals": np.array([1, 2, 2])})
model = LinearRegression().fit(X, [1.0, 2.0, 3.0])
with mlflow.start_run():
    info = mlflow.sklearn.log_model(model, name="line", signature=signature)
print(info.signature.inputs.input_names())
print(ParamSchema([ParamSpec("temperature", "float", 0.5)]).params[0].name)
loaded = mlflow.pyfunc.load_model(info.model_uri)
try:
    loaded.predict(pd.DataFrame({"petals": [1]}))
except mlflow.exceptions.MlflowException as error:
    print("sepal length (cm)" in str(error))
# prints: ['sepal length (cm)', 'petals']
# prints: temperature
# prints: True
