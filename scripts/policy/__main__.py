"""Write ``modelreg/analysis/policy.json`` from genuine models.

    python -m scripts.policy observe OUT.json FOLDER…       what the model files below some folders hold
    python scripts/policy/describe.py OUT.json              what the libraries of an environment say of their classes
    python -m scripts.policy write --observed FILE… --described FILE…

The policy only grows: what it admitted stays, and its difference is what is to be reviewed.
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

FILE = Path(__file__).parents[2] / "modelreg" / "security" / "policy.json"


NO_NOTES = METHODS_OF_ESTIMATORS | {*review.NEVER, *review.METHOD_NAMES, *review.EVERYWHERE}
"""Names that are no notes on objects of any class."""


def main() -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    watching = commands.add_parser("observe")
    watching.add_argument("out", type=Path)
    watching.add_argument("folders", type=Path, nargs="+")
    writing = commands.add_parser("write")
    writing.add_argument("--observed", type=Path, nargs="+", required=True)
    writing.add_argument("--described", type=Path, nargs="+", required=True)
    asked = parser.parse_args()
    if asked.command == "observe":
        return look_at(asked.out, asked.folders)
    write(map(_read, asked.observed), map(_read, asked.described))
    return 0


def look_at(out: Path, folders: Iterable[Path]) -> int:
    """Write down what all pickles below the folders hold; 1 when one cannot be read."""
    seen, problems, count = observe.Observations(), 0, 0
    for path in sorted(each for folder in folders for each in folder.rglob("*") if each.is_file()):
        if path.suffix == ".json":
            continue
        count += 1
        problem = seen.file(path)
        if problem:
            problems += 1
            print(problem)
    out.write_text(json.dumps(observe.as_json(seen)))
    print(f"{count} files, {problems} of them unreadable; {len(seen.classes)} classes")
    return int(problems > 0)


def stored() -> dict[str, Any]:
    """What the policy has already, as observations: those of releases that are not installed here."""
    policy = _read(FILE)
    classes = {
        name: {"attributes": {}, "new": None, "state": None, "keywords": None, "items": None, "entries": None} | written
        for name, written in policy["classes"].items()
    }
    names_ = [[module, name] for module, found in policy["names"].items() for name in found]
    return {"names": names_, "classes": classes, "calls": policy["calls"]}


def write(observed: Iterable[Mapping[str, Any]], described: Iterable[Mapping[str, Any]]) -> None:
    """Widen what was seen, and write the policy."""
    seen, descriptions = observe.merged([*observed, stored()]), _merged(described)
    functions, types = names.functions(), names.types()
    widening = Widening(seen, descriptions, _dotted(functions), _dotted(types))
    widening.widen()
    for remark in widening.remarks:
        print(remark)
    FILE.write_text(_as_text(_policy(seen, widening, functions, types, descriptions)))
    print(f"{len(seen.classes)} classes, {len(seen.calls)} calls, {FILE.stat().st_size >> 10} KiB")


def _policy(
    seen: observe.Observations,
    widening: Widening,
    functions: set[observe.Pair],
    types: set[observe.Pair],
    descriptions: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    classes = {name: _class(name, found, widening, descriptions) for name, found in sorted(seen.classes.items())}
    estimators = [name for name in descriptions if widening.category(name) == "estimator"]
    return {
        "about": __doc__.splitlines()[0] if __doc__ else "",
        "simple": list(review.SIMPLE),
        "notes": list(review.NOTES),
        "no_notes": sorted(NO_NOTES),
        "names": _by_module(names.importable(seen, estimators, functions, types)),
        "functions": _by_module(functions),
        "types": _by_module(types),
        "conversions": names.CONVERSIONS,
        "calls": {name: [each.as_json() for each in kinds] for name, kinds in sorted(seen.calls.items())},
        "classes": classes,
    }


def _class(
    name: str, found: observe.Observed, widening: Widening, descriptions: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if widening.category(name):
        written["category"] = widening.category(name)
    if name in review.SLOTS:
        written["slots"] = True
    members = _members(name, widening, descriptions)
    if members is not None:
        written["members"] = sorted(members - found.attributes.keys() - NO_NOTES)
    for part in ("new", "state"):
        if getattr(found, part):
            written[part] = [each.as_json() for each in getattr(found, part)]
        elif found.new is not None and part == "new":
            written[part] = []
    for part in ("keywords", "items", "entries"):
        if getattr(found, part) is not None:
            written[part] = getattr(found, part).as_json()
    if found.attributes:
        written["attributes"] = {key: kinds.as_json() for key, kinds in sorted(found.attributes.items())}
    return written


def _members(name: str, widening: Widening, descriptions: Mapping[str, Mapping[str, Any]]) -> set[str] | None:
    """The names that are no notes on objects of a class; None where there are no notes."""
    if name in review.NOTABLE:
        return set()
    described = descriptions.get(name)
    if described is None or described["has_state_of_its_own"]:
        return None
    if not name.startswith("sklearn.") or widening.category(name) != "estimator":
        return None
    used = {*described["methods"], *described["parameters"]}
    for base in (described, *(descriptions.get(each, {}) for each in described["bases"])):
        used |= {*base.get("assigned", ()), *base.get("read", ())}
    return {each for each in used if not each.startswith("_")}


def _merged(described: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What all releases say: each attribute and method that some release has."""
    whole: dict[str, dict[str, Any]] = {}
    for part in described:
        for name, each in part.items():
            known = whole.setdefault(name, {"bases": [], "assigned": [], "read": [], "methods": [], "parameters": {}})
            for key in ("bases", "assigned", "read", "methods"):
                known[key] += [value for value in each.get(key, ()) if value not in known[key]]
            for parameter, kinds in each["parameters"].items():
                both = Kinds.parse(known["parameters"].get(parameter, [])) | Kinds.parse(kinds)
                known["parameters"][parameter] = both.as_json()
            known["has_state_of_its_own"] = each["has_state_of_its_own"]
    return whole


def _as_text(policy: Mapping[str, Any]) -> str:
    """JSON with a line for each attribute, so that differences can be reviewed."""

    def lines(value: Any, depth: int) -> str:
        if isinstance(value, dict) and depth < 4 and value and not {"items", "keys"} & value.keys() - {"items"}:
            inner = ",\n".join(
                f"{' ' * (depth + 1)}{json.dumps(key)}: {lines(each, depth + 1)}" for key, each in value.items()
            )
            return "{\n" + inner + "\n" + " " * depth + "}"
        return json.dumps(value)

    return lines(policy, 0) + "\n"


def _by_module(pairs: Iterable[observe.Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for module, name in sorted(pairs):
        found.setdefault(module, []).append(name)
    return found


def _dotted(pairs: Iterable[observe.Pair]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module, name in pairs)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


if __name__ == "__main__":
    sys.exit(main())
