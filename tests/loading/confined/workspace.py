"""A registry with models that run code on loading, and the installed command that runs them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

from modelreg import Registry

MODELREG = Path(sys.executable).with_name("modelreg")
TRUSTED = ("--trust", "full", "--message", "a test")


class RunsCode:
    """Pickles to a model that runs ``code`` when it is loaded, and then predicts 1 for each row."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self):
        dummy = "__import__('sklearn.dummy').dummy.DummyRegressor(strategy='constant', constant=1.0).fit([[0]], [1])"
        return eval, (f"[exec({self.code!r}, {{}}), {dummy}][1]",)


class Workspace:
    """A home folder with a secret, a registry with models, and data."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "secret").write_text("the secret")
        (self.home / "folder").mkdir()
        self.registry = Registry(folder / "registry")
        self.folder = folder
        self.data = folder / "data.csv"
        self.data.write_text("a\n1\n2\n")
        self.output = folder / "out.csv"

    def register(self, code: str, name: str = "model") -> str:
        """Register a model that runs ``code`` when it is loaded; returns its reference."""
        path = self.folder / "model.pkl"
        path.write_bytes(pickle.dumps(RunsCode(code)))
        return self.registry.register(path, name, allow_unsafe="a test", new_version=True).reference

    def write_sitecustomize(self, text: str) -> dict[str, str]:
        """Write ``sitecustomize.py``; returns the environment variables with which Python imports it at startup."""
        (self.folder / "site").mkdir()
        (self.folder / "site" / "sitecustomize.py").write_text(text)
        return {"PYTHONPATH": str(self.folder / "site")}

    def run(self, *arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
        """Run ``modelreg``; ``prefix`` is a command that starts it, ``environment`` adds variables."""
        environment = {"HOME": str(self.home), "MODELREG_HOME": str(self.registry.folder), "SECRET_TOKEN": "hush"}
        environment |= options.pop("environment", {})
        settings = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "check": False} | options
        prefix = settings.pop("prefix", ())
        return subprocess.run([*prefix, MODELREG, *arguments], env=os.environ | environment, **settings)

    def predict(self, reference: str, *arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
        """Run ``modelreg predict`` with full trust."""
        return self.run("predict", reference, "-i", self.data, "-o", self.output, *TRUSTED, *arguments, **options)
