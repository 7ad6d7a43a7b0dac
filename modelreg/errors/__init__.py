"""Every error of modelreg: its code, its exit status and its words, once.

    ModelregError                    1  unexpected
    ├── InvalidInput                 2  bad usage or input
    ├── NotFound                     3  no such model, version, stage or alias
    ├── Conflict                     4  the state of the registry stands against it
    ├── RefusedByGate                5  a gate is not passed
    ├── Damaged                      6  bytes or catalog are not what was registered
    ├── Untrusted                    7  a model could run code that nobody allowed
    ├── StorageFailure               8  no space, no permission, an error of the device
    ├── Busy                         9  a lock was not had in time
    └── NoRegistry                  10  no registry here, or one that this program must not use

A message is one lower-case sentence that starts with the thing; a hint says what to do. Text that people gave is
shown through `repr`, so that control characters are seen and never obeyed.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any


class ModelregError(Exception):
    """The root of every error that modelreg raises on purpose."""

    code = "unexpected"
    exit = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # which a traceback shows


class InvalidInput(ModelregError):
    """What was asked or given cannot be used."""

    code = "invalid_input"
    exit = 2


class NotFound(ModelregError):
    """What was named is not in the registry."""

    code = "not_found"
    exit = 3


class Conflict(ModelregError):
    """The present state of the registry stands against the change."""

    code = "conflict"
    exit = 4


class RefusedByGate(ModelregError):
    """A gate that the version does not pass stands before the stage."""

    code = "refused_by_gate"
    exit = 5


class Damaged(ModelregError):
    """Bytes or catalog are not what was registered."""

    code = "damaged"
    exit = 6


class Untrusted(ModelregError):
    """Loading the model could run code that nobody allowed."""

    code = "untrusted"
    exit = 7


class StorageFailure(ModelregError):
    """The folder could not be read or written."""

    code = "storage_failure"
    exit = 8


class Busy(ModelregError):
    """Another process held a lock for too long."""

    code = "busy"
    exit = 9


class NoRegistry(ModelregError):
    """There is no registry here, or one that must not be used."""

    code = "no_registry"
    exit = 10


_COMMITTED = "what was done until then is committed"
_LONGEST_REASON = 300  # characters of what a foreign library says


# --- bad usage or input ---------------------------------------------------------------------------------------


class InvalidName(InvalidInput):
    """This cannot be the name of a model."""

    code = "invalid_name"

    def __init__(self, name: str) -> None:
        is_reference = re.fullmatch(r"[\w.-]+[/@][\w.:-]+", name)
        super().__init__(
            f"{shown(name)} cannot be a model's name",
            "a model is wanted here, not one of its versions: the part before '/' or '@'"
            if is_reference
            else "a name is 1 to 128 letters, digits, '.', '_', '-' and single spaces, starting with a letter or digit",
        )


class InvalidAlias(InvalidInput):
    """This cannot be an alias."""

    code = "invalid_alias"

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"{shown(alias)} cannot be an alias",
            "an alias is 1 to 128 letters, digits, '.', '_' or '-', starts with a letter or digit, "
            "and is neither 'latest' nor a version such as '3' or 'v3'",
        )


class UnknownStageRules(InvalidInput):
    """There are no rules of this name for stages."""

    code = "unknown_stage_rules"

    def __init__(self, text: str, known: Sequence[str]) -> None:
        super().__init__(f"{shown(text)} names no rules for stages", f"choose {' or '.join(known)}")


class InvalidKey(InvalidInput):
    """This cannot be the key of a metric, parameter or tag."""

    code = "invalid_key"

    def __init__(self, key: str, kind: str, most: int) -> None:
        super().__init__(
            f"{shown(key)} cannot be the key of a {kind}", f"a key is 1 to {most} printable characters, as in auc=0.93"
        )


class InvalidReference(InvalidInput):
    """This text does not name a model version."""

    code = "invalid_reference"

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"{shown(text)} does not name a model version", hint)


class UnknownStage(InvalidInput):
    """This is none of the four stages."""

    code = "unknown_stage"

    def __init__(self, text: str, stages: Sequence[str]) -> None:
        near = did_you_mean(text, stages)
        super().__init__(f"{shown(text)} is not a stage", near or f"the stages are {', '.join(stages)}")


class InvalidMetric(InvalidInput):
    """A metric is a finite number."""

    code = "invalid_metric"

    def __init__(self, name: str, value: object) -> None:
        super().__init__(
            f"metric {shown(name)} is {shown(str(value))}, not a finite number",
            "write --metric NAME=NUMBER; leave out a metric that is undefined",
        )


class InvalidData(InvalidInput):
    """Data that was given to learn a signature or metrics from cannot be used."""

    code = "invalid_data"


class SourceNotFound(InvalidInput):
    """There is nothing at the path that was to be registered."""

    code = "source_not_found"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        is_address = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(path))
        hint = "bring it to this machine first" if is_address else "check the path"
        super().__init__(f"there is no file or folder {shown(os.fspath(path))}", hint)


class DataChanged(InvalidData):
    """A file with data changed while it was read."""

    code = "data_changed"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} changed while it was read; nothing was kept",
            "try again when nothing writes to it any more",
        )


class CannotPredict(InvalidInput):
    """What was loaded is nothing that predicts."""

    code = "cannot_predict"


class UnusableSource(InvalidInput):
    """What stands at the path cannot be registered."""

    code = "unusable_source"


class SourceChanged(InvalidInput):
    """A file changed while it was read."""

    code = "source_changed"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} changed while it was read; nothing was registered",
            "register it again when nothing writes to it any more",
        )


class InvalidExpression(InvalidInput):
    """A filter, a gate or an order cannot be understood."""

    code = "invalid_expression"

    def __init__(
        self, expression: str, message: str, hint: str | None = None, place: tuple[int, int] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.expression = expression
        self.place = place
        """Where it is wrong: the first character, and the one after the last."""


class ParamChanged(InvalidInput):
    """A parameter of a run was to get another value."""

    code = "param_changed"

    def __init__(self, run_id: str, name: str, before: str, after: str) -> None:
        super().__init__(
            f"parameter {shown(name)} of run {run_id} is {shown(before)}, and cannot become {shown(after)}",
            "start another run, or keep what changes as a metric or tag",
        )


class UnloadableModel(InvalidInput):
    """These files cannot be loaded as a model."""

    code = "unloadable_model"


class UnreadableModel(InvalidInput):
    """A model's file cannot be understood."""

    code = "unreadable_model"


class MLflowMissing(InvalidInput):
    """MLflow's client is needed, and not installed."""

    code = "mlflow_missing"

    def __init__(self) -> None:
        super().__init__(
            "MLflow, which reads and writes its own records, is not installed", "pip install 'modelreg[mlflow]'"
        )


# --- not found ------------------------------------------------------------------------------------------------


class ModelNotFound(NotFound):
    """There is no registered model of this name."""

    code = "model_not_found"

    def __init__(self, name: str, names: Iterable[str] = ()) -> None:
        super().__init__(
            f"no model is named {shown(name)}", did_you_mean(name, names) or "'modelreg list' shows the models"
        )


class VersionNotFound(NotFound):
    """The model has no such version."""

    code = "version_not_found"

    def __init__(self, reference: object, latest: int | None) -> None:
        has = "it has no version" if latest is None else f"the latest is version {latest}"
        super().__init__(f"there is no version {shown(str(reference))}", has)


class AliasNotFound(NotFound):
    """The model has no such alias."""

    code = "alias_not_found"

    def __init__(self, name: str, alias: str, aliases: Sequence[str]) -> None:
        has = f"it has {', '.join(aliases)}" if aliases else "it has no alias at all"
        super().__init__(f"{name} has no alias {shown(alias)}", did_you_mean(alias, aliases) or has)


class TagNotFound(NotFound):
    """The model or version has no such tag."""

    code = "tag_not_found"

    def __init__(self, subject: str, tag: str, tags: Sequence[str]) -> None:
        has = f"it has {', '.join(tags)}" if tags else "it has no tags at all"
        super().__init__(f"{subject} has no tag {shown(tag)}", did_you_mean(tag, tags) or has)


class GateNotFound(NotFound):
    """There is no gate of this number."""

    code = "gate_not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no gate {number}", "'modelreg gate list' shows the gates with their numbers")


class ApprovalNotFound(NotFound):
    """The user has not approved the version."""

    code = "approval_not_found"

    def __init__(self, reference: str, user: str) -> None:
        super().__init__(f"{user} has not approved {reference}", f"modelreg show {quoted(reference)}")


class NameNotTrusted(NotFound):
    """This name is not among those that were trusted."""

    code = "name_not_trusted"

    def __init__(self, name: str, names: Sequence[str]) -> None:
        has = f"trusted are {_some(names)}" if names else "no name is trusted besides those of the allow-list"
        super().__init__(f"{shown(name)} is not trusted", did_you_mean(name, names) or has)


class BytesElsewhere(NotFound):
    """The version is a reference: its bytes were never stored in the registry."""

    code = "bytes_elsewhere"

    def __init__(self, reference: str, location: str) -> None:
        super().__init__(
            f"{reference} is a reference: its bytes are not in the registry, but at {shown(location)}",
            "fetch them from there and register them, which makes another version",
        )
        self.location = location


class RunNotFound(NotFound):
    """There is no such run."""

    code = "run_not_found"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {shown(run_id)}", "'modelreg history' shows the runs that were started")


class LoggedModelNotFound(NotFound):
    """The run logged no model of this path."""

    code = "logged_model_not_found"

    def __init__(self, run_id: str, path: str, paths: Sequence[str]) -> None:
        has = f"it has {', '.join(paths)}" if paths else "it has no models at all"
        super().__init__(f"run {run_id} has no model {shown(path)}", did_you_mean(path, paths) or has)


class StageEmpty(NotFound):
    """No version of the model is in this stage."""

    code = "stage_empty"

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(f"no version of {name} is in {stage}", f"modelreg versions {quoted(name)}")


# --- conflict -------------------------------------------------------------------------------------------------


class NameTaken(Conflict):
    """A model's name differs from an existing one in case only."""

    code = "name_taken"

    def __init__(self, name: str, existing: str) -> None:
        super().__init__(
            f"{shown(name)} differs from the existing model {existing} in case only",
            f"use --name {shlex.quote(existing)}",
        )


class ProductionOccupied(Conflict):
    """Another version is in Production, and nothing was said about it."""

    code = "production_occupied"

    def __init__(self, name: str, version: int, occupant: int) -> None:
        super().__init__(
            f"{name}/{occupant} is in Production, and only one version may be; nothing was changed",
            "say what happens to it: --archive-existing, or --move-existing STAGE",
        )
        self.occupant = occupant
        self.reference = f"{name}/{occupant}"
        self.wanted = f"{name}/{version}"


class StageChanged(Conflict):
    """The version is not in the stage that the caller took it to be in."""

    code = "stage_changed"

    def __init__(self, name: str, version: int, stage: str, expected: str) -> None:
        super().__init__(
            f"{name}/{version} is in {stage}, not in {expected}; nothing was changed",
            f"modelreg show {quoted(f'{name}/{version}')}",
        )


class ModelExists(Conflict):
    """A model that was to be made is there already."""

    code = "model_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a model {name} already; nothing was changed", f"modelreg show {quoted(name)}")


class NameInUse(Conflict):
    """Another model has this name."""

    code = "name_in_use"

    def __init__(self, name: str, new: str) -> None:
        super().__init__(f"there is a model {new} already; {name} was not renamed", "choose another name")


class AmbiguousDigest(Conflict):
    """The beginning of a digest fits more than one."""

    code = "ambiguous_digest"

    def __init__(self, name: str, prefix: str) -> None:
        super().__init__(f"{prefix} begins more than one digest of {name}", "write more of its digits")


class NumberTaken(Conflict):
    """The number that a version is to keep belongs to another one."""

    code = "number_taken"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"there is another version {reference} already, which is not this one of MLflow",
            "import into another registry (--registry DIR), or rename the model that is here",
        )


class VersionInUse(Conflict):
    """A version that is in Staging or Production, or has an alias, is not deleted."""

    code = "version_in_use"

    def __init__(self, name: str, version: int, use: str, hint: str) -> None:
        super().__init__(f"{name}/{version} {use}; it was not deleted", hint)


class ModelInUse(Conflict):
    """A model that has versions is not deleted."""

    code = "model_in_use"

    def __init__(self, name: str, versions: int) -> None:
        some = "1 version" if versions == 1 else f"{versions} versions"
        super().__init__(
            f"{name} has {some}; it was not deleted", f"delete them first: modelreg versions {quoted(name)}"
        )


class DestinationExists(Conflict):
    """A file stands where one was to be written."""

    code = "destination_exists"

    def __init__(
        self, path: os.PathLike[str] | str, *, is_folder: bool = False, hint: str = "--force overwrites it"
    ) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} exists; nothing was written",
            "name a folder that does not exist, or an empty one" if is_folder else hint,
        )


class RegistryExists(Conflict):
    """There is a registry where one was to be made in another way."""

    code = "registry_exists"


class UnusableBackup(Conflict):
    """A folder is not one into which this registry can be backed up, or from which it can be restored."""

    code = "unusable_backup"


class NothingToRollBackTo(Conflict):
    """No version can be brought back to Production."""

    code = "nothing_to_roll_back_to"

    def __init__(self, name: str, reason: str, hint: str) -> None:
        super().__init__(f"{reason}; {name} was not changed", hint)


# --- refused by a gate ----------------------------------------------------------------------------------------


class GateRefused(RefusedByGate):
    """A version did not pass the gates of a stage."""

    code = "gate_refused"

    def __init__(self, message: str, hint: str | None, check: Any) -> None:
        super().__init__(message, hint)
        self.check = check
        """The `modelreg.domain.gates.GateCheck`: what each gate said."""


# --- damaged --------------------------------------------------------------------------------------------------


ITS_MANIFEST = "its manifest"
"""What stands for the path of a version's manifest, which is no file of the model."""
ITS_CONFIG = "its config"
"""The same for the config that the manifest names."""


class BlobDamaged(Damaged):
    """A stored file is missing, or not what its digest says."""

    code = "blob_damaged"

    def __init__(self, version: str, path: str, problem: str, outcome: str = "nothing was handed out") -> None:
        super().__init__(
            f"{version}: {path if path in (ITS_MANIFEST, ITS_CONFIG) else shown(path)} is {problem}; {outcome}",
            "registering the same files with the same facts heals it, and so does 'modelreg restore' from a backup; "
            "'modelreg verify' shows everything that is damaged",
        )
        self.problem = problem


class OtherBytes(Damaged):
    """What MLflow has of a version that came from a registry is not what was brought there."""

    code = "other_bytes"

    def __init__(self, reference: str, what: str) -> None:
        super().__init__(
            f"{what} of {reference} in MLflow is not what modelreg brought there; nothing was imported",
            "take it from the registry that it came from",
        )


class CatalogDamaged(Damaged):
    """The catalog is missing beside stored files, empty, foreign or broken."""

    code = "catalog_damaged"


class DamagedBackup(Damaged):
    """A backup from which a registry was to be restored is damaged itself."""

    code = "backup_damaged"

    def __init__(self, folder: os.PathLike[str], damage: Damaged) -> None:
        super().__init__(
            f"the backup in {shown(os.fspath(folder))} cannot be used: {damage.message}",
            f"modelreg verify --registry {quoted(folder)} shows what is damaged in it; take another backup",
        )


class Findings(Damaged):
    """Verification found damage."""

    code = "findings"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} {'finding' if count == 1 else 'findings'}: the registry is damaged",
            "a file comes back by registering it again with the same facts; everything else, and files, too, from a "
            "backup: modelreg restore DIR --force",
        )


# --- untrusted models -----------------------------------------------------------------------------------------


class UnsafeModel(Untrusted):
    """Files that were to be registered run code when they are loaded."""

    code = "unsafe_model"

    def __init__(self, path: os.PathLike[str] | str, findings: Sequence[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} is dangerous to load, and was not registered: {_some(findings)}",
            "if you know why it is so: --allow-unsafe WHY",
        )
        self.findings = tuple(findings)


class UntrustedModel(Untrusted):
    """A model would import names that are neither on the allow-list nor trusted, or is not understood."""

    code = "untrusted_model"

    def __init__(
        self, model: str, findings: Sequence[str], trustable: Sequence[str] = (), to_be_moved: Sequence[str] = ()
    ) -> None:
        """``findings`` say what speaks against it; ``trustable`` are names that may be trusted one by one.

        ``to_be_moved`` is what no other program can import: names of ``__main__``, lambdas, the code of notebooks.
        """
        once = "once, on the record: --trust full --message WHY"
        if to_be_moved:
            code = ", ".join(to_be_moved)
            instead = f"define {code} in a module that can be imported, and register a model made with that"
        else:
            instead = f"modelreg trust add {shlex.join(trustable)}; or {once}" if trustable else once
        super().__init__(f"{model} was not loaded: {_some(findings)}", instead)
        self.findings = tuple(findings)
        self.trustable = tuple(trustable)


class DangerousName(Untrusted):
    """A name on the deny-list cannot be trusted."""

    code = "dangerous_name"

    def __init__(self, name: str, reason: str, instead: str) -> None:
        """``reason`` is a clause whose subject is the name; ``instead`` is an imperative."""
        super().__init__(
            f"{shown(name)} cannot be trusted: it {reason}",
            f"{instead}; or load one model, once: --trust full --message WHY",
        )
        self.reason = reason


class ModelStopped(Untrusted):
    """A model reached a limit or crashed while it ran in its own process."""

    code = "model_stopped"

    def __init__(self, model: str, reason: str, hint: str | None = None) -> None:
        super().__init__(f"{model} was stopped: {reason}; nothing was written", hint)


class SandboxUnavailable(Untrusted):
    """A model was to run only where it can be confined, and that is not here."""

    code = "sandbox_unavailable"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"models are to run in complete confinement only, and this system cannot do that ({missing})",
            "run it on Linux 5.13 or newer with Landlock; 'modelreg info' shows what there is",
        )


class ConfinementFailed(Untrusted):
    """This system can confine a model, and could not do so now."""

    code = "confinement_failed"

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(f"the model was not run, since it could not be confined: {reason}", hint)


# --- storage, locks, registry ---------------------------------------------------------------------------------


class WriteFailed(StorageFailure):
    """The operating system refused to read or write."""

    code = "write_failed"

    def __init__(
        self,
        error: OSError,
        path: os.PathLike[str] | str | None = None,
        needed: int | None = None,
        *,
        is_changed: bool = False,
    ) -> None:
        """``needed`` is the space that it takes, in bytes; ``is_changed`` says that something was committed before."""
        place = _text(path or error.filename or "the registry")
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; {_COMMITTED if is_changed else 'nothing was changed'}",
            _storage_hint(error, place, needed),
        )
        self.error, self.needed = error, needed
        self._place = place

    def after_a_change(self) -> WriteFailed:
        """The same error where something was committed before."""
        return WriteFailed(self.error, self._place, self.needed, is_changed=True)


class JournalLeft(StorageFailure):
    """A writer was killed, and who only reads may not roll back what it left."""

    code = "journal_left"

    def __init__(self, catalog: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(catalog))} cannot be read: a process was killed while it wrote, and this user may not "
            "roll that back; nothing was changed",
            "any command of a user who may write to the folder does: modelreg list",
        )


class NoLocks(StorageFailure):
    """The file system of a registry has no locks, without which processes would overwrite each other's work."""

    code = "no_locks"

    def __init__(self, error: OSError, path: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(path))}: {error.strerror or error}; nothing was changed",
            "the file system has no flock, which a registry needs: use a local disk, or mount it with locks",
        )


class Unconfirmed(StorageFailure):
    """A change was made, and the disk did not say that it would survive a loss of power."""

    code = "unconfirmed"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(folder))}: {error.strerror or error}; the change was made, and is lost perhaps should "
            "the power fail now",
            f"'modelreg history' shows it; {_hint_of_disk(os.fspath(folder))}",
        )


class AnswerLost(StorageFailure):
    """The answer could not be written to stdout; what was asked may have been done."""

    code = "answer_lost"

    def __init__(self, error: OSError, *, done: bool) -> None:
        super().__init__(
            f"the answer could not be written to stdout: {error.strerror or error}"
            + ("; the change itself was made" if done else ""),
            "'modelreg history' shows it" if done else None,
        )


class PruneInterrupted(StorageFailure):
    """Versions were removed, and some of the bytes that were to go with them could not be."""

    code = "prune_interrupted"

    def __init__(self, error: OSError, registry: os.PathLike[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(error.filename or registry))}: {error.strerror or error}; the versions that were "
            "to be removed are, and some bytes are left",
            "run 'modelreg prune' again when that is mended",
        )


class BackupInterrupted(StorageFailure):
    """A backup could not be written to its end."""

    code = "backup_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str], needed: int | None = None) -> None:
        place = os.fspath(folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; the backup is not finished, and the same command again "
            "completes it",
            _storage_hint(error, place, needed),
        )


class RestorationInterrupted(StorageFailure):
    """A restoration could neither go on nor remove what it had copied."""

    code = "restoration_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        place = os.fspath(folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; the restoration is not finished, and the same command again "
            "completes it",
            _storage_hint(error, place, None),
        )


class MLflowFailed(StorageFailure):
    """MLflow could not read or write something."""

    code = "mlflow_failed"

    def __init__(self, what: str, error: Exception) -> None:
        said = re.sub(r"//[^/@\s]+@", "//", str(error))  # without a password in an address
        lines = said.strip().splitlines() or [type(error).__name__]
        super().__init__(f"{what}: {_shortened(lines[0])}", "check the address, and that MLflow itself can read it")


class TransferInterrupted(StorageFailure):
    """An import or export could not go on."""

    code = "transfer_interrupted"

    def __init__(self, error: OSError, folder: os.PathLike[str]) -> None:
        place = os.fspath(error.filename or folder)
        super().__init__(
            f"{shown(place)}: {error.strerror or error}; what was brought over until then is there, and the same "
            "command again goes on",
            _storage_hint(error, place, None),
        )


class TransferIncomplete(StorageFailure):
    """Some models or versions could not be brought from MLflow, or to it."""

    code = "transfer_incomplete"

    def __init__(self, count: int) -> None:
        what = "1 model or version" if count == 1 else f"{count} models or versions"
        super().__init__(
            f"{what} could not be brought over; of each the report says why",
            "everything else was; the same command again goes on with what is missing",
        )


class LockTimeout(Busy):
    """Another process held the lock for longer than was to be waited."""

    code = "lock_timeout"

    def __init__(self, waited: float, holder: str, *, is_changed: bool = False) -> None:
        super().__init__(
            f"the registry is locked by {holder}; waited {waited:g} s, and "
            + (_COMMITTED if is_changed else "nothing was changed"),
            "try again, or wait longer with --lock-timeout SECONDS",
        )
        self._waited, self._holder = waited, holder

    def after_a_change(self) -> LockTimeout:
        """The same error where something was committed before."""
        return LockTimeout(self._waited, self._holder, is_changed=True)


class RegistryNotFound(NoRegistry):
    """A command that reads was given a folder that is no registry."""

    code = "registry_not_found"

    def __init__(self, path: os.PathLike[str] | str, *, is_last_resort: bool = False) -> None:
        elsewhere = "there is no .modelreg in this folder or above, and " if is_last_resort else ""
        super().__init__(
            f"{elsewhere}{shown(os.fspath(path))} is not a registry",
            "'modelreg init' or the first 'modelreg register' makes one; --registry or MODELREG_HOME name another",
        )


class BackupNotFound(NoRegistry):
    """A registry was to be restored from a folder that holds none."""

    code = "backup_not_found"

    def __init__(self, folder: os.PathLike[str]) -> None:
        super().__init__(
            f"there is no backup in {shown(os.fspath(folder))}; nothing was restored",
            "name the folder to which 'modelreg backup' wrote",
        )


class RegistryTooNew(NoRegistry):
    """A newer modelreg made this registry."""

    code = "registry_too_new"

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the registry has schema {found}, and this modelreg knows schemas up to {known}",
            "upgrade: pip install --upgrade modelreg",
        )


class UnsafeRegistry(NoRegistry):
    """Others may write to the registry, or it belongs to somebody else."""

    code = "unsafe_registry"


class UnusableFolder(NoRegistry):
    """A registry cannot be made in this folder."""

    code = "unusable_folder"


class OldSQLite(NoRegistry):
    """The SQLite of this Python is too old."""

    code = "old_sqlite"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _some(findings: Sequence[str]) -> str:
    """Findings in a row; of very many the first."""
    listed = "; ".join(findings[:_LISTED])
    return listed if len(findings) <= _LISTED else f"{listed}; and {len(findings) - _LISTED} more"


_LISTED = 20


def shown(text: str) -> str:
    """``text`` as it may be printed: quoted, with control characters escaped, and cut when long."""
    cut = text if len(text) <= 140 else text[:139] + "…"
    return repr(cut)


def quoted(argument: os.PathLike[str] | str) -> str:
    """``argument`` as a shell reads it, for commands in hints."""
    return shlex.quote(os.fspath(argument))


def _text(path: os.PathLike[str] | str | bytes | int) -> str:
    """A path as an error has it: a descriptor where that was given to the system."""
    return f"descriptor {path}" if isinstance(path, int) else os.fsdecode(path)


def did_you_mean(text: str, known: Iterable[str]) -> str | None:
    """A hint that names what is most alike among ``known``, in any case, or None."""
    import difflib

    by_lower = {name.lower(): name for name in known}
    begun = [lower for lower in by_lower if text and lower.startswith(text.lower())]
    near = begun if len(begun) == 1 else difflib.get_close_matches(text.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]}?" if near else None


def _storage_hint(error: OSError, place: str, needed: int | None) -> str | None:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            free = f"; {_free_space(place)} bytes are free" if os.path.isabs(place) else ""
            return f"make room on that disk{_need(needed)}{free}"
        case errno.EIO if os.path.isabs(place):
            return _hint_of_disk(place)
        case errno.EFBIG:
            return f"no file of this size may be written there (ulimit -f, or the file system){_need(needed)}"
        case errno.EROFS:
            return "it can be read there, and not written"
        case errno.EACCES | errno.EPERM:
            return "this user may not do that there: look at the permissions"
        case _:
            return _HINTS.get(error.errno or 0)


_HINTS = {
    errno.ENAMETOOLONG: "the path is longer than the system takes: use a shorter one",
    errno.EISDIR: "a folder is there: name a file, or take the folder away",
    errno.ENOTDIR: "a part of the path is a file: name another folder",
    errno.ENOENT: "a part of the path is missing: check it; 'modelreg verify' checks a registry",
    errno.ELOOP: "links on the path lead to each other: name another path",
    errno.EMFILE: "this process has too many files open: raise the limit with 'ulimit -n'",
    errno.ENFILE: "the system has too many files open: end some programs, and try again",
    errno.EBUSY: "another program uses it, or it is a mount point: name another path",
}
"""What the system says -> what to do, where the place does not matter."""


def _need(needed: int | None) -> str:
    return "" if needed is None else f"; {needed} bytes are needed"


def _hint_of_disk(place: str) -> str:
    return f"look at the disk: {_free_space(place)} bytes are free"


def _free_space(path: str) -> int:
    """Bytes that are free where ``path`` is, or would be."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
