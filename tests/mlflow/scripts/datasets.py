import mlflow
import mlflow.data
import pandas as pd
from mlflow.data.pandas_dataset import PandasDataset

df = pd.DataFrame({"age": [20, 30, 40], "bought": [0, 1, 1]})
dataset: PandasDataset = mlflow.data.from_pandas(df, source="customers.csv", name="customers", targets="bought")
with mlflow.start_run() as run:
    mlflow.log_input(dataset, context="training")
    mlflow.log_metric("auc", 0.9)
logged = mlflow.get_run(run.info.run_id).inputs.dataset_inputs[0]
print(logged.dataset.name, logged.dataset.digest == dataset.digest)
print("num_rows" in logged.dataset.profile, [(tag.key, tag.value) for tag in logged.tags])
print(dataset.df.shape)
# prints: customers True
# prints: True [('mlflow.data.context', 'training')]
# prints: (3, 2)
