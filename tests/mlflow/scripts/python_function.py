import mlflow

mlflow.set_experiment("functions")


def predict(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


with mlflow.start_run():
    info = mlflow.pyfunc.log_model(name="upper", python_model=predict, input_example=["a"])
print(mlflow.pyfunc.load_model(info.model_uri).predict(["hello", "world"]))
# prints: ['HELLO', 'WORLD']
