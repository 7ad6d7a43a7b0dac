"""Generate ``modelreg/analysis/policy.json`` from genuine models.

    python -m scripts.policy observe OUT.json FOLDER…       write the values in the model files below the folders
    python scripts/policy/describe.py OUT.json              write the classes of the installed libraries
    python -m scripts.policy write --observed FILE… --described FILE…

The policy only grows: entries that it has are kept, and a person reviews the diff.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modelreg.analysis.judge import METHODS_OF_ESTIMATORS
from modelreg.analysis.kinds import Kinds
from scripts.policy import names, observe, review
from scripts.policy.widening import Widening

FILE = Path(__file__).parents[2] / "modelreg" / "analysis" / "policy.json"


NO_NOTES = METHODS_OF_ESTIMATORS | {*review.NONE_ONLY, *review.METHOD_NAMES, *review.ADDITIONAL_KINDS}
"""Names that are never notes, on objects of any class."""


def main() -> int:
    """Run the command ``observe`` or ``write``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    observe_parser = commands.add_parser("observe")
    observe_parser.add_argument("out", type=Path)
    observe_parser.add_argument("folders", type=Path, nargs="+")
    write_parser = commands.add_parser("write")
    write_parser.add_argument("--observed", type=Path, nargs="+", required=True)
    write_parser.add_argument("--described", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    if options.command == "observe":
        return observe_folders(options.out, options.folders)
    write(map(_read_json, options.observed), map(_read_json, options.described))
    return 0


def observe_folders(out: Path, folders: Iterable[Path]) -> int:
    """Write the observations of all model files below the folders; returns 1 if a file cannot be read, else 0."""
    observations, problems, count = observe.Observations(), 0, 0
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".json":
            continue
        count += 1
        problem = observations.add_file(path)
        if problem:
            problems += 1
            print(problem)
    out.write_text(json.dumps(observe.as_json(observations)))
    print(f"{count} files, {problems} of them unreadable; {len(observations.classes)} classes")
    return int(problems > 0)


def read_stored() -> dict[str, Any]:
    """The stored policy as observations, which may come from releases that are not installed here."""
    policy = _read_json(FILE)
    classes = {
        name: {"attributes": {}, "new": None, "state": None, "keywords": None, "items": None, "entries": None} | entry
        for name, entry in policy["classes"].items()
    }
    name_pairs = [[module, name] for module, names in policy["names"].items() for name in names]
    return {"names": name_pairs, "classes": classes, "calls": policy["calls"]}


def write(parts: Iterable[Mapping[str, Any]], described: Iterable[Mapping[str, Any]]) -> None:
    """Generalise the observations, and write the policy."""
    observations, descriptions = observe.merge([*parts, read_stored()]), _merge_descriptions(described)
    functions, types = names.functions(), names.types()
    widening = Widening(observations, descriptions, _dotted_names(functions), _dotted_names(types))
    widening.widen()
    for remark in widening.remarks:
        print(remark)
    FILE.write_text(_to_json(_build_policy(observations, widening, functions, types, descriptions)))
    print(f"{len(observations.classes)} classes, {len(observations.calls)} calls, {FILE.stat().st_size >> 10} KiB")


def _build_policy(
    observations: observe.Observations,
    widening: Widening,
    functions: set[observe.Pair],
    types: set[observe.Pair],
    descriptions: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    classes = {
        name: _build_class(name, cls, widening, descriptions) for name, cls in sorted(observations.classes.items())
    }
    estimators = [name for name in descriptions if widening.category(name) == "estimator"]
    return {
        "about": __doc__.splitlines()[0] if __doc__ else "",
        "simple": list(review.SIMPLE),
        "notes": list(review.NOTES),
        "no_notes": sorted(NO_NOTES),
        "names": _group_by_module(names.importable_names(observations, estimators, functions, types)),
        "functions": _group_by_module(functions),
        "types": _group_by_module(types),
        "conversions": names.CONVERSIONS,
        "calls": {
            name: [kinds.as_json() for kinds in arguments] for name, arguments in sorted(observations.calls.items())
        },
        "classes": classes,
    }


def _build_class(
    name: str, observed: observe.Observed, widening: Widening, descriptions: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if widening.category(name):
        entry["category"] = widening.category(name)
    if name in review.SLOTS:
        entry["slots"] = True
    members = _member_names(name, widening, descriptions)
    if members is not None:
        entry["members"] = sorted(members - observed.attributes.keys() - NO_NOTES)
    for part in ("new", "state"):
        if getattr(observed, part):
            entry[part] = [kinds.as_json() for kinds in getattr(observed, part)]
        elif observed.new is not None and part == "new":
            entry[part] = []
    for part in ("keywords", "items", "entries"):
        if getattr(observed, part) is not None:
            entry[part] = getattr(observed, part).as_json()
    if observed.attributes:
        entry["attributes"] = {attribute: kinds.as_json() for attribute, kinds in sorted(observed.attributes.items())}
    return entry


def _member_names(name: str, widening: Widening, descriptions: Mapping[str, Mapping[str, Any]]) -> set[str] | None:
    """The names that may not be notes on objects of a class; None if the class may have no notes."""
    if name in review.CLASSES_WITH_NOTES:
        return set()
    described = descriptions.get(name)
    if described is None or described["has_state_of_its_own"]:
        return None
    if not name.startswith("sklearn.") or widening.category(name) != "estimator":
        return None
    used = {*described["methods"], *described["parameters"]}
    for base in (described, *(descriptions.get(name, {}) for name in described["bases"])):
        used |= {*base.get("assigned", ()), *base.get("read", ())}
    return {name for name in used if not name.startswith("_")}


def _merge_descriptions(described: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Merge the descriptions of several releases: the attributes and methods that any release has."""
    merged: dict[str, dict[str, Any]] = {}
    for part in described:
        for name, description in part.items():
            entry = merged.setdefault(name, {"bases": [], "assigned": [], "read": [], "methods": [], "parameters": {}})
            for key in ("bases", "assigned", "read", "methods"):
                entry[key] += [value for value in description.get(key, ()) if value not in entry[key]]
            for parameter, kinds in description["parameters"].items():
                both = Kinds.parse(entry["parameters"].get(parameter, [])) | Kinds.parse(kinds)
                entry["parameters"][parameter] = both.as_json()
            entry["has_state_of_its_own"] = description["has_state_of_its_own"]
    return merged


def _to_json(policy: Mapping[str, Any]) -> str:
    """The policy as JSON with one line per attribute, so that a diff can be reviewed."""

    def lines(value: Any, depth: int) -> str:
        if isinstance(value, dict) and depth < 4 and value and not {"items", "keys"} & value.keys() - {"items"}:
            inner = ",\n".join(
                f"{' ' * (depth + 1)}{json.dumps(key)}: {lines(item, depth + 1)}" for key, item in value.items()
            )
            return "{\n" + inner + "\n" + " " * depth + "}"
        return json.dumps(value)

    return lines(policy, 0) + "\n"


def _group_by_module(pairs: Iterable[observe.Pair]) -> dict[str, list[str]]:
    modules: dict[str, list[str]] = {}
    for module, name in sorted(pairs):
        modules.setdefault(module, []).append(name)
    return modules


def _dotted_names(pairs: Iterable[observe.Pair]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module, name in pairs)


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


if __name__ == "__main__":
    sys.exit(main())
