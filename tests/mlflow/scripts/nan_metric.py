import math

import mlflow

with mlflow.start_run() as run:
    for epoch, loss in enumerate([1.0, 0.5, float("nan")]):
        mlflow.log_metric("loss", loss, step=epoch)
    mlflow.log_metrics({"accuracy": 0.9, "gap": float("inf")})
client = mlflow.MlflowClient()
metrics = client.get_run(run.info.run_id).data.metrics
print(math.isnan(metrics["loss"]), metrics["accuracy"])
print([metric.step for metric in client.get_metric_history(run.info.run_id, "loss")])
# prints: True 0.9
# prints: [0, 1, 2]
