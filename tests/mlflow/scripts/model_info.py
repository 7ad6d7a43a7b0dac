import mlflow
import pandas as pd
from mlflow.models import get_model_info, infer_signature
from sklearn.linear_model import LinearRegression

X, y = pd.DataFrame({"x": [1.0, 2.0]}), [1.0, 2.0]
model = LinearRegression(fit_intercept=False).fit(X, y)
with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(
        model, name="line", signature=infer_signature(X, model.predict(X)), metadata={"owner": "ann"}
    )
found = get_model_info(info.model_uri)
print(found.run_id == run.info.run_id, found.signature.inputs.input_names(), found.metadata)
print(mlflow.pyfunc.load_model(info.model_uri).metadata.get_input_schema().input_names())
mlflow.models.predict(info.model_uri, input_data=pd.DataFrame({"x": [3.0]}), env_manager="local")
# prints: True ['x'] {'owner': 'ann'}
# prints: ['x']
# prints: {"predictions": [3.0]}
