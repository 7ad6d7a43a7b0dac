import mlflow
from sklearn.linear_model import LinearRegression

mlflow.set_tracking_uri("http://127.0.0.1:5000")
mlflow.set_experiment("house-prices")
with mlflow.start_run(run_name="baseline") as run:
    model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    mlflow.log_metric("rmse", 0.0)
    mlflow.sklearn.log_model(model, "model", registered_model_name="house-prices")
client = mlflow.tracking.MlflowClient(tracking_uri="http://127.0.0.1:5000")
print([rm.name for rm in client.search_registered_models()])
print(client.get_run(run.info.run_id).data.metrics)
# prints: ['house-prices']
# prints: {'rmse': 0.0}
