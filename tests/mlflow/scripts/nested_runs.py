import mlflow

with mlflow.start_run(run_name="PARENT_RUN") as parent:
    mlflow.log_param("parent", "yes")
    for name in ("a", "b"):
        with mlflow.start_run(run_name=name, nested=True, description="child") as child:
            mlflow.log_param("child", "yes")
print(mlflow.get_parent_run(child.info.run_id).info.run_name)
query = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
print(sorted(mlflow.search_runs(filter_string=query)["tags.mlflow.runName"]))
print(mlflow.active_run() is None)
# prints: PARENT_RUN
# prints: ['a', 'b']
# prints: True
