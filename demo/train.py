"""Train models on datasets of scikit-learn; write the models, their metrics and data files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train_classifiers(folder: Path) -> None:
    """Write three classifiers of tumours with metrics, one of them a baseline, and holdout data."""
    data = load_breast_cancer(as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(data.data, data.target, random_state=0, stratify=data.target)
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(C=0.5)),
        "forest": RandomForestClassifier(n_estimators=50, random_state=0),
        "guess": DummyClassifier(strategy="prior"),
    }
    for name, model in models.items():
        model.fit(train_x, train_y)
        metrics = {
            "accuracy": round(accuracy_score(test_y, model.predict(test_x)), 4),
            "roc_auc": round(roc_auc_score(test_y, model.predict_proba(test_x)[:, 1]), 4),
        }
        joblib.dump(model, folder / f"{name}.joblib")
        (folder / f"{name}-metrics.json").write_text(json.dumps(metrics))
    test_x.to_csv(folder / "patients.csv", index=False)
    test_x.assign(target=test_y).to_csv(folder / "holdout.csv", index=False)


def train_regressor(folder: Path) -> None:
    """Write a compressed regression model of diabetes progression, with its metric."""
    data = load_diabetes(as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(data.data, data.target, random_state=0)
    model = Ridge(alpha=0.1).fit(train_x, train_y)
    joblib.dump(model, folder / "ridge.joblib", compress=3)
    (folder / "ridge-metrics.json").write_text(json.dumps({"r2": round(r2_score(test_y, model.predict(test_x)), 4)}))


if __name__ == "__main__":
    destination = Path(sys.argv[1])
    train_classifiers(destination)
    train_regressor(destination)
