import time

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

timestamp = int(time.time() * 1000)
metrics = [Metric("m", 1.5, timestamp, 1), Metric("m", 2.5, timestamp, 2), Metric("n", 3.0, timestamp, 0)]
client = MlflowClient()
run = client.create_run(experiment_id="0")
client.log_batch(run.info.run_id, metrics=metrics, params=[Param("p", "p")], tags=[RunTag("t", "t")])
client.set_terminated(run.info.run_id)
run = client.get_run(run.info.run_id)
print(run.data.params, sorted(run.data.metrics.items()), run.data.tags["t"], run.info.status)
for metric in client.get_metric_history(run.info.run_id, "m"):
    print(metric.key, metric.value, metric.step, metric.timestamp == timestamp)
client.delete_tag(run.info.run_id, "t")
print("t" in client.get_run(run.info.run_id).data.tags)
client.update_run(run.info.run_id, "FAILED", "new name")
info = client.get_run(run.info.run_id).info
print(info.status, info.run_name)
# prints: {'p': 'p'} [('m', 2.5), ('n', 3.0)] t FINISHED
# prints: m 1.5 1 True
# prints: m 2.5 2 True
# prints: False
# prints: FAILED new name
