from mlflow import MlflowClient
from mlflow.entities import ViewType

client = MlflowClient()
experiment = client.get_experiment_by_name("Apple_Models")
if experiment is None:
    experiment_id = client.create_experiment("Apple_Models", tags={"project_name": "grocery", "team": "stores-ml"})
else:
    experiment_id = experiment.experiment_id
print(client.get_experiment(experiment_id).name, client.get_experiment(experiment_id).lifecycle_stage)
found = client.search_experiments(filter_string="tags.`project_name` = 'grocery'")
print([each.name for each in found], found[0].tags["team"])
client.set_experiment_tag(experiment_id, "owner", "ann")
print(client.get_experiment(experiment_id).tags["owner"])
run = client.create_run(experiment_id, run_name="by hand")
client.log_param(run.info.run_id, "depth", 3)
client.log_metric(run.info.run_id, "rmse", 1.5, step=1)
client.set_terminated(run.info.run_id)
print(client.get_run(run.info.run_id).info.status)
print([each.info.run_name for each in client.search_runs([experiment_id], order_by=["metrics.rmse ASC"])])
client.delete_run(run.info.run_id)
print(len(client.search_runs([experiment_id])), len(client.search_runs([experiment_id], "", ViewType.DELETED_ONLY)))
client.restore_run(run.info.run_id)
client.delete_experiment(experiment_id)
print([each.name for each in client.search_experiments(view_type=ViewType.DELETED_ONLY)])
# prints: Apple_Models active
# prints: ['Apple_Models'] stores-ml
# prints: ann
# prints: FINISHED
# prints: ['by hand']
# prints: 0 1
# prints: ['Apple_Models']
