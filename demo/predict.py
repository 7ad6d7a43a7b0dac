"""Load the version in Production and predict."""

import pandas as pd

from modelreg import Registry

model = Registry().load("tumour/Production")
patients = pd.read_csv("patients.csv")
print(model.predict(patients)[:10])
