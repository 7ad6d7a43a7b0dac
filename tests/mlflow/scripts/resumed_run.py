import mlflow

mlflow.set_tracking_uri("sqlite:///mlflow.db")
experiment_id = mlflow.create_experiment("resumed")
with mlflow.start_run(experiment_id=experiment_id, tags={"version": "v1", "priority": "P1"}) as run:
    mlflow.log_param("a", 1)
with mlflow.start_run(run_id=run.info.run_id):
    mlflow.log_metric("b", 2)
run = mlflow.get_run(run.info.run_id)
print(run.data.params, run.data.metrics, run.data.tags["priority"], run.info.lifecycle_stage)
print(run.info.experiment_id == experiment_id)
print(mlflow.get_experiment(experiment_id).name)
# prints: {'a': '1'} {'b': 2.0} P1 active
# prints: True
# prints: resumed
