"""A registry does what a dictionary in memory does, whatever is asked of it in whatever order."""

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
    """The model in memory: name -> number -> [content, stage], the aliases, and the counters by lower-case name."""

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

    def other_case(self, name):
        return next((known for known in self.models if known.lower() == name.lower() and known != name), None)

    def holder(self, name):
        return next((number for number, (_, stage) in self.models[name].items() if stage == "Production"), None)

    @rule(name=NAMES, content=CONTENTS, again=st.booleans(), stage=st.none() | STAGES, alias=st.none() | ALIASES)
    def register(self, name, content, again, stage, alias):
        path = self.folder / "model.bin"
        path.write_bytes(content)
        aliases = [] if alias is None else [alias]

        def ask():
            return self.registry.register(path, name, new_version=again, stage=stage, aliases=aliases)

        if self.other_case(name):
            with pytest.raises(NameTaken):
                ask()
            return
        versions = self.models.get(name, {})
        known = [] if again else [number for number, (have, _) in versions.items() if have == content]
        number = max(known) if known else self.counters.get(name.lower(), 0) + 1
        if stage == "Production" and versions and self.holder(name) not in (None, number):
            with pytest.raises(ProductionOccupied):
                ask()
            return
        registered = ask()
        assert (registered.version, registered.created) == (number, not known)
        self.models.setdefault(name, versions)
        if not known:
            self.counters[name.lower()] = number
            versions[number] = [content, "None"]
        if stage is not None:
            versions[number][1] = stage
        if alias is not None:
            self.aliases[name, alias] = number

    @rule(name=NAMES, number=NUMBERS, stage=STAGES, room=st.sampled_from([None, "None", "Archived"]))
    def transition(self, name, number, stage, room):
        room = room if stage in ("Staging", "Production") else None

        def ask():
            return self.registry.transition(name, number, stage, move_existing=room)

        if number not in self.models.get(name, {}):
            with pytest.raises((ModelNotFound, VersionNotFound)):
                ask()
            return
        versions = self.models[name]
        if versions[number][1] == stage:
            assert ask().changes == ()
            return
        if stage == "Production" and room is None and self.holder(name) is not None:
            with pytest.raises(ProductionOccupied):
                ask()
            return
        ask()
        for other in versions.values():
            if room is not None and other[1] == stage:
                other[1] = room
        versions[number][1] = stage

    @rule(name=NAMES, number=NUMBERS)
    def delete_version(self, name, number):
        def ask():
            self.registry.delete(f"{name}/{number}")

        if number not in self.models.get(name, {}):
            with pytest.raises((ModelNotFound, VersionNotFound)):
                ask()
            return
        in_use = self.models[name][number][1] in ("Staging", "Production")
        if in_use or any(key[0] == name and at == number for key, at in self.aliases.items()):
            with pytest.raises(InUse) as refused:
                ask()
            assert refused.value.code == "version_in_use"
            return
        ask()
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
    def the_registry_says_what_the_model_says(self):
        if not hasattr(self, "folder"):
            return
        found = {
            model.name: {
                version.version: [version.size, str(version.stage)] for version in self.registry.versions(model.name)
            }
            for model in self.registry.models()
        }
        assert found == {
            name: {number: [len(content), stage] for number, (content, stage) in versions.items()}
            for name, versions in self.models.items()
        }
        assert {
            (model.name, alias): number for model in self.registry.models() for alias, number in model.aliases.items()
        } == {key: number for key, number in self.aliases.items() if key[0] in self.models}

    @invariant()
    def every_change_is_in_the_journal_and_none_is_lost(self):
        if not hasattr(self, "folder"):
            return
        changes = len(self.registry.history())
        assert changes >= self.changes
        self.changes = changes


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


class TestRegistryMachineAtLength(RegistryMachine.TestCase):
    """The same for longer."""

    settings = settings(max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    pytestmark = pytest.mark.slow
