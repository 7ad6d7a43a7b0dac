"""Hugging Face and MLflow folders that configure code to run when they are loaded."""

from __future__ import annotations

import json

import pytest

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict


@pytest.fixture
def scanned(tmp_path):
    def scan_folder(**contents: str):
        files = {name.replace("__", "."): tmp_path / name for name in contents}
        for name, content in contents.items():
            (tmp_path / name).write_text(content)
        return scan(files, True, "folder")

    return scan_folder


OWN = {"AutoModel": "modeling_own.OwnModel"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (json.dumps({"auto_map": OWN}), "modeling_own.OwnModel"),
        (json.dumps({"auto_map": {"AutoTokenizer": ["modeling_own.OwnTokenizer", None]}}), "modeling_own.OwnTokenizer"),
        (json.dumps({"text_config": {"auto_map": OWN}}), "modeling_own.OwnModel"),
        ('{"auto\\u005fmap": {"AutoModel": "modeling_own.OwnModel"}}', "modeling_own.OwnModel"),
        (json.dumps({"custom_pipelines": {"mine": {"impl": "modeling_own.Pipeline"}}}), "modeling_own.Pipeline"),
        (json.dumps({"_class_name": ["modeling_own", "Pipeline"]}), "modeling_own"),
    ],
)
def test_a_folder_that_needs_trust_remote_code_is_unknown(scanned, config, expected):
    result = scanned(config__json=config, modeling_own__py="class OwnModel: pass")
    assert result.verdict is Verdict.UNKNOWN
    assert expected in result.reasons[0]


@pytest.mark.parametrize("padding", ["a" * (33 << 20), "[" + "[]," * 1_100_000 + "0]"], ids=["long", "many"])
def test_a_too_large_configuration_is_unreadable_but_a_large_vocabulary_is_safe(scanned, padding):
    content = json.dumps({"auto_map": OWN, "padding": padding}) if padding[0] == "a" else '{"padding": ' + padding + "}"
    assert scanned(tokenizer__json=content).verdict is Verdict.SAFE
    assert scanned(config__json=content).verdict is Verdict.UNREADABLE


FLAVOR = "flavors:\n  python_function:\n    "


@pytest.mark.parametrize(
    "model",
    [
        FLAVOR + "loader_module: mine.loader\n",
        FLAVOR + "loader_module: mlflow.pyfunc.model\n",
        FLAVOR + "loader_module: mlflow.pyfunc.loaders.code_model\n",
        FLAVOR + "loader_module: mlflow.pytorch\n",
        FLAVOR + "loader_module: mlflow.langchain\n",
        FLAVOR + "model_code_path: agent.py\n",
        FLAVOR + "loader_module: mlflow.xgboost\n  xgboost:\n    model_class: mine.Model\n",
        FLAVOR + "code: code\n",
        FLAVOR + "code:\n    - code\n",
        "flavors: {python_function: {loader_module: mine.loader}}",
        'flavors: {python_function: {"loader\\x5fmodule": mine.loader}}',
        "mine: &mine {loader_module: mine.loader}\nflavors: {python_function: {<<: *mine}}",
        "- &key loader_module\n- flavors: {python_function: {*key : mine.loader}}",
    ],
)
def test_an_mlflow_folder_with_its_own_code_is_unknown(scanned, model):
    assert scanned(MLmodel=model, mine__py="import os\nos.environ\n").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("name", ["pickle_module_info.txt", "keras_module.txt"])
def test_an_mlflow_folder_with_a_module_name_file_is_unknown(scanned, name):
    files = {"MLmodel": FLAVOR + "loader_module: mlflow.sklearn\n", name: "mine"}
    assert scanned(**files).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "model",
    [
        FLAVOR + "loader_module: mlflow.sklearn\n    model_path: model.pkl\n  sklearn:\n    code: null\n",
        FLAVOR + "loader_module: mlflow.xgboost\n  xgboost:\n    code:\n    model_class: xgboost.sklearn.XGBModel\n",
        FLAVOR + "loader_module: mlflow.onnx\n    data: model.onnx\n",
        FLAVOR + "loader_module: mlflow.sklearn\n    model_path: data\\model.pkl\n",
    ],
)
def test_an_mlflow_folder_with_a_data_loader_is_safe(scanned, model):
    assert scanned(MLmodel=model).verdict is Verdict.SAFE


@pytest.mark.parametrize(
    "path",
    [
        *("/tmp/model.pkl", "../model.pkl", "data/../../model.pkl", "s3://bucket/model.pkl"),
        *("..\\model.pkl", "\\\\host\\model.pkl", "\\tmp\\model.pkl", "C:\\model.pkl"),
    ],
)
def test_an_mlflow_folder_with_a_path_outside_of_it_is_dangerous(scanned, path):
    model = FLAVOR + f"loader_module: mlflow.sklearn\n    model_path: {path}\n"
    assert scanned(MLmodel=model).verdict is Verdict.DANGEROUS


@pytest.mark.parametrize("model", ["{", "a: b\n---\nc: d\n", "[" * 5000, "a: 1\n" * 30_000])
def test_an_invalid_mlmodel_file_is_unreadable(scanned, model):
    assert scanned(MLmodel=model).verdict is Verdict.UNREADABLE
