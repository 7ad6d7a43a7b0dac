"""Writes ``schema-N.sql``, a dump of a catalog with schema N. Run by hand with the release of that schema."""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from modelreg import Registry
from modelreg.domain.signatures import Signature, SignatureField

FILES = {"model.pkl": b"the bytes of version one", "other.pkl": b"the bytes of version two"}


def main(target: Path) -> None:
    """Write the dump to ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        registry = Registry("registry")
        for name, content in FILES.items():
            Path(name).write_bytes(content)
        facts = {"metrics": {"auc": 0.9}, "params": {"depth": 3}, "tags": {"team": "search"}, "message": "why"}
        signature = Signature((SignatureField("age", "int64"),))
        registry.register("model.pkl", "churn", aliases=["champion"], signature=signature, stage="Production", **facts)
        registry.register("other.pkl", "churn", description="second")
        registry.transition("churn", 2, "Production", archive_existing=True)
        registry.register("other.pkl", "gone")
        registry.delete("gone/1")
        registry.delete("gone")
        with closing(sqlite3.connect("registry/catalog.db")) as connection:
            settings = [f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};" for name in
                        ("application_id", "user_version")]  # fmt: skip
            target.write_text("\n".join([*connection.iterdump(), *settings]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
