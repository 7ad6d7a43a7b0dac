import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow

fig, ax = plt.subplots()
ax.plot([0, 1], [2, 3])
with mlflow.start_run() as run:
    mlflow.log_figure(fig, "plots/figure.png")
print([(f.path, f.file_size > 0) for f in mlflow.MlflowClient().list_artifacts(run.info.run_id, "plots")])
# prints: [('plots/figure.png', True)]
