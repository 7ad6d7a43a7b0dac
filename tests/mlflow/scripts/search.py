import mlflow
from mlflow.entities import ViewType

mlflow.set_experiment("search")
for depth, score in ((2, 0.7), (4, 0.9), (8, 0.8)):
    with mlflow.start_run(run_name=f"depth-{depth}"):
        mlflow.log_param("depth", depth)
        mlflow.log_metric("score", score)
        mlflow.set_tag("kind", "tree")
best = mlflow.search_runs(order_by=["metrics.score DESC"], max_results=1)
print(best.loc[0, "params.depth"], best.loc[0, "metrics.score"])
found = mlflow.search_runs(filter_string="metrics.score > 0.75 and params.depth = '8'", output_format="list")
print([run.info.run_name for run in found])
found = mlflow.search_runs(
    experiment_names=["search"], filter_string="tags.kind LIKE 'tr%'", run_view_type=ViewType.ACTIVE_ONLY
)
print(len(found), sorted(c for c in found.columns if c.startswith("metrics.")))
print(len(mlflow.search_runs([mlflow.get_experiment_by_name("Default").experiment_id])))
print(len(mlflow.search_runs(search_all_experiments=True)))
client = mlflow.MlflowClient()
page = client.search_runs([mlflow.get_experiment_by_name("search").experiment_id], max_results=2)
rest = client.search_runs([mlflow.get_experiment_by_name("search").experiment_id], max_results=2, page_token=page.token)
print(len(page), len(rest), rest.token)
# prints: 4 0.9
# prints: ['depth-8']
# prints: 3 ['metrics.score']
# prints: 0
# prints: 3
# prints: 2 1 None
