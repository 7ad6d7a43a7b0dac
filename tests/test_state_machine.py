"""Random sequences of calls: a registry behaves like a reference model, which is a dictionary in memory."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modelreg import Registry
from modelreg.errors import (
    InUse,
    ModelNotFound,
    NameTaken,
    ProductionOccupied,
    VersionNotFound,
)

NAMES = st.sampled_from(["churn", "Churn", "fraud"])
CONTENTS = st.sampled_from([b"one", b"two", b"three"])
STAGES = st.sampled_from(["None", "Staging", "Production", "Archived"])
ALIASES = st.sampled_from(["champion", "challenger"])
NUMBERS = st.integers(1, 6)


class RegistryMachine(RuleBasedStateMachine):
    """Calls a registry and updates the reference model: name -> number -> [content, stage], aliases, counters.

    The counters are the last version numbers by lower-case name.
    """

    @initialize()
    def start(self):
        self.folder = Path(tempfile.mkdtemp(prefix="modelreg-machine-"))
        self.registry = Registry(self.folder / "registry")
        self.registry.create()
        self.models, self.aliases, self.counters, self.changes = {}, {}, {}, 0

    def teardown(self):
        if not hasattr(self, "folder"):
            return
        try:
            assert list(self.registry.verify()) == []
            for name, versions in self.models.items():
                for number, (content, _) in versions.items():
                    assert self.registry.path(f"{name}/{number}").read_bytes() == content
        finally:
            for path in (self.folder / "registry" / "checkouts").glob("*"):
                path.chmod(0o700)
            shutil.rmtree(self.folder)

    def find_name_in_other_case(self, name):
        return next((other for other in self.models if other.lower() == name.lower() and other != name), None)

    def version_in_production(self, name):
        return next((number for number, (_, stage) in self.models[name].items() if stage == "Production"), None)

    @rule(name=NAMES, content=CONTENTS, new_version=st.booleans(), stage=st.none() | STAGES, alias=st.none() | ALIASES)
    def register(self, name, content, new_version, stage, alias):
        path = self.folder / "model.bin"
        path.write_bytes(content)
        aliases = [] if alias is None else [alias]

        def call():
            return self.registry.register(path, name, new_version=new_version, stage=stage, aliases=aliases)

        if self.find_name_in_other_case(name):
            with pytest.raises(NameTaken):
                call()
            return
        versions = self.models.get(name, {})
        existing = [] if new_version else [number for number, (stored, _) in versions.items() if stored == content]
        number = max(existing) if existing else self.counters.get(name.lower(), 0) + 1
        if stage == "Production" and versions and self.version_in_production(name) not in (None, number):
            with pytest.raises(ProductionOccupied):
                call()
            return
        registered = call()
        assert (registered.version, registered.created) == (number, not existing)
        self.models.setdefault(name, versions)
        if not existing:
            self.counters[name.lower()] = number
            versions[number] = [content, "None"]
        if stage is not None:
            versions[number][1] = stage
        if alias is not None:
            self.aliases[name, alias] = number

    @rule(name=NAMES, number=NUMBERS, stage=STAGES, move_existing=st.sampled_from([None, "None", "Archived"]))
    def transition(self, name, number, stage, move_existing):
        move_existing = move_existing if stage in ("Staging", "Production") else None

        def call():
            return self.registry.transition(name, number, stage, move_existing=move_existing)

        if number not in self.models.get(name, {}):
            with pytest.raises((ModelNotFound, VersionNotFound)):
                call()
            return
        versions = self.models[name]
        if versions[number][1] == stage:
            assert call().changes == ()
            return
        if stage == "Production" and move_existing is None and self.version_in_production(name) is not None:
            with pytest.raises(ProductionOccupied):
                call()
            return
        call()
        for other in versions.values():
            if move_existing is not None and other[1] == stage:
                other[1] = move_existing
        versions[number][1] = stage

    @rule(name=NAMES, number=NUMBERS)
    def delete_version(self, name, number):
        def call():
            self.registry.delete(f"{name}/{number}")

        if number not in self.models.get(name, {}):
            with pytest.raises((ModelNotFound, VersionNotFound)):
                call()
            return
        in_use = self.models[name][number][1] in ("Staging", "Production")
        if in_use or any(key[0] == name and target == number for key, target in self.aliases.items()):
            with pytest.raises(InUse) as refused:
                call()
            assert refused.value.code == "version_in_use"
            return
        call()
        del self.models[name][number]

    @rule(name=NAMES)
    def delete_model(self, name):
        if name not in self.models:
            with pytest.raises(ModelNotFound):
                self.registry.delete(name)
        elif self.models[name]:
            with pytest.raises(InUse) as refused:
                self.registry.delete(name)
            assert refused.value.code == "model_in_use"
        else:
            self.registry.delete(name)
            del self.models[name]

    @invariant()
    def registry_equals_the_reference_model(self):
        if not hasattr(self, "folder"):
            return
        state = {
            model.name: {
                version.version: [version.size, str(version.stage)] for version in self.registry.versions(model.name)
            }
            for model in self.registry.models()
        }
        assert state == {
            name: {number: [len(content), stage] for number, (content, stage) in versions.items()}
            for name, versions in self.models.items()
        }
        assert {
            (model.name, alias): number for model in self.registry.models() for alias, number in model.aliases.items()
        } == {key: number for key, number in self.aliases.items() if key[0] in self.models}

    @invariant()
    def journal_never_loses_entries(self):
        if not hasattr(self, "folder"):
            return
        changes = len(self.registry.history())
        assert changes >= self.changes
        self.changes = changes


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


class TestRegistryMachineWithMoreSteps(RegistryMachine.TestCase):
    """The same test with more and longer sequences."""

    settings = settings(max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    pytestmark = pytest.mark.slow
