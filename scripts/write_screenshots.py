"""Write docs/screenshot.svg: the terminal output of `list` and `versions`, exported by rich."""

from __future__ import annotations

import io
import re
import tempfile
from pathlib import Path

import joblib
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelreg import Registry
from modelreg.cli.commands.list import MODEL_COLUMNS
from modelreg.cli.commands.versions import VERSION_COLUMNS
from modelreg.cli.tables import build_table

WIDTH = 104  # columns
SCREENSHOT = Path(__file__).parent.parent / "docs" / "screenshot.svg"


def main() -> None:
    """Register a few models, and write the screenshot."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder) / "registry")
        _register_models(registry, Path(folder))
        _print_prompt(console, "modelreg list")
        console.print(build_table(registry.models(), MODEL_COLUMNS, WIDTH))
        console.print()
        _print_prompt(console, "modelreg versions tumour")
        console.print(build_table(registry.versions("tumour"), VERSION_COLUMNS, WIDTH))
    console.save_svg(str(SCREENSHOT), title="modelreg", code_format=_without_remote_fonts(CONSOLE_SVG_FORMAT))


def _register_models(registry: Registry, folder: Path) -> None:
    tumours, diabetes = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=20, random_state=0)
    candidates = [
        (LogisticRegression(max_iter=5000), {"accuracy": 0.951, "roc_auc": 0.984}, ()),
        (make_pipeline(StandardScaler(), LogisticRegression()), {"accuracy": 0.965, "roc_auc": 0.995}, ("champion",)),
        (forest, {"accuracy": 0.944, "roc_auc": 0.978}, ("challenger",)),
    ]
    for number, (model, metrics, aliases) in enumerate(candidates):
        joblib.dump(model.fit(*tumours), folder / f"{number}.joblib")
        registry.register(folder / f"{number}.joblib", "tumour", metrics=metrics, aliases=aliases)
    registry.transition("tumour", 1, "Production")
    registry.transition("tumour", 2, "Production", archive_existing=True)
    registry.transition("tumour", 3, "Staging")
    registry.log_model(Ridge().fit(*diabetes), "diabetes", metrics={"r2": 0.369}, stage="Staging")


def _without_remote_fonts(svg: str) -> str:
    """Remove the web fonts, so that viewing the picture opens no connection."""
    return re.sub(r"@font-face \{\{.*?\}\}\s*", "", svg, flags=re.DOTALL)


def _print_prompt(console: Console, command: str) -> None:
    console.print(Text.assemble(("$ ", "bold cyan"), command))


if __name__ == "__main__":
    main()
