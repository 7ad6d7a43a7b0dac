import mlflow
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1])
mlflow.sklearn.save_model(model, "saved_tree")
loaded = mlflow.sklearn.load_model("saved_tree")
print(loaded.predict([[0.9]]).tolist())
print(mlflow.pyfunc.load_model("saved_tree").predict([[0.1]]).tolist())
# prints: [1]
# prints: [0]
