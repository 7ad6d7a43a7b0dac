"""Models that are trained once, and their data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from modelreg.data.signatures import infer_signature


@pytest.fixture(scope="session")
def people():
    """A table with numbers and texts, and a class and a number that depend on them."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 90, 400),
            "income": random.normal(50_000, 20_000, 400).round(2),
            "city": random.choice(["Bern", "Rome, Italy", "Łódź"], 400),
        }
    )
    noise = random.normal(0, 10, 400)
    frame["churned"] = np.where(frame["age"] + noise > 50, "yes", "no")
    frame["spent"] = frame["income"] / 100 + frame["age"] + noise
    return frame


FEATURES = ["age", "income", "city"]


def _pipeline(last):
    encoded = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age", "income"]))
    return make_pipeline(encoded, last)


@pytest.fixture(scope="session")
def classifier(people):
    """A pipeline that takes its columns by name."""
    return _pipeline(LogisticRegression()).fit(people[FEATURES], people["churned"])


@pytest.fixture(scope="session")
def regressor(people):
    return _pipeline(LinearRegression()).fit(people[FEATURES], people["spent"])


@pytest.fixture(scope="session")
def signature(people):
    return infer_signature(people[FEATURES])


@pytest.fixture
def data(tmp_path, people):
    """The features as a CSV file."""
    people[FEATURES].to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


@pytest.fixture
def holdout(tmp_path, people):
    """The features with the class, as a CSV file."""
    people[[*FEATURES, "churned"]].to_csv(tmp_path / "holdout.csv", index=False)
    return tmp_path / "holdout.csv"
