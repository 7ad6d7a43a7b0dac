import mlflow
from sklearn.linear_model import LogisticRegression

model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
with mlflow.start_run():
    info = mlflow.sklearn.log_model(
        model, name="proba", pyfunc_predict_fn="predict_proba", registered_model_name="probabilities"
    )
answer = mlflow.pyfunc.load_model("models:/probabilities/1").predict([[0.5]])
print(answer.shape, (answer == model.predict_proba([[0.5]])).all())
print(mlflow.sklearn.load_model(info.model_uri).predict([[0.9]]).tolist())
# prints: (1, 2) True
# prints: [1]
