"""All errors of modelreg: their codes, exit statuses and messages.

    ModelregError                     1  unexpected
    ├── InvalidInput                  2  an argument, option or file cannot be used
    │   ├── InvalidName                  not a valid model name, alias or key
    │   ├── InvalidReference             not a reference to a model version
    │   ├── UnknownStage                 not one of the four stages
    │   ├── InvalidExpression            not a valid filter, gate or sort order
    │   ├── InvalidData                  a table of data, or its columns, cannot be used
    │   ├── SourceNotFound               no file or folder at the path to register
    │   ├── SourceChanged                a model file changed while it was read
    │   ├── UnusableSource               the file or folder cannot be registered
    │   ├── UnloadableModel              the files cannot be loaded as a model
    │   └── CannotPredict                the loaded object cannot predict
    ├── NotFound                      3  no such model, version, stage, alias or run
    │   ├── ModelNotFound                no model of this name
    │   ├── VersionNotFound              no such version of the model
    │   ├── StageEmpty                   no version of the model in this stage
    │   ├── AliasNotFound                no such alias of the model
    │   ├── TagNotFound                  no such tag of the model, version or run
    │   ├── RunNotFound                  no run with this ID
    │   └── BytesNotStored               only the location of the version's bytes is stored
    ├── Conflict                      4  the current state of the registry does not allow it
    │   ├── NameTaken                    a model name differs from another one only in case
    │   ├── ModelExists                  a model of this name already exists
    │   ├── NumberTaken                  the number of an imported version is in use
    │   ├── StageChanged                 the version is not in the expected stage
    │   ├── ProductionOccupied           another version is in Production
    │   ├── NothingToRollBackTo          no earlier version to bring back to Production
    │   ├── InUse                        a version or model in use cannot be deleted
    │   └── DestinationExists            the destination already exists
    ├── GateRefused                   5  a version did not pass a gate
    ├── Damaged                       6  stored bytes or the catalog differ from what was registered
    │   ├── BlobDamaged                  a stored file is missing or does not match its digest
    │   ├── CatalogDamaged               the catalog is missing, empty, broken or not a catalog
    │   └── ExportedVersionChanged       the files of an exported version were changed in MLflow
    ├── Untrusted                     7  a model could run code that is not allowed
    │   ├── UnsafeModel                  the files run code when they are loaded
    │   ├── UntrustedModel               it imports names that are not trusted, or was not scanned
    │   ├── ModelStopped                 it reached a limit or crashed in its process
    │   ├── SandboxUnavailable           the required sandbox is missing
    │   └── ConfinementFailed            confining the model failed
    ├── StorageFailure                8  no space, no permission, a device error
    │   ├── WriteFailed                  the operating system refused to read or write
    │   ├── OperationInterrupted         a backup, transfer or prune stopped, and can be continued
    │   └── MLflowFailed                 MLflow failed to read or write
    ├── LockTimeout                   9  another process held the lock until the timeout
    └── NoRegistry                   10  no registry, or one that must not be used
        ├── RegistryNotFound             the folder is not a registry
        ├── UnsafeRegistry               other users can write to it, or own it
        └── UnusableFolder               a registry cannot be created in this folder

An error that no program catches separately is its family, or the nearest class, with a `code` of its own.

A message is one lower-case sentence without a full stop; a hint is the next command or what to change. Text from users
is quoted by `shown`, so that control characters are visible.
"""

from __future__ import annotations

from modelreg.errors.base import (
    Conflict,
    Damaged,
    GateRefused,
    InvalidInput,
    ModelregError,
    NoRegistry,
    NotFound,
    StorageFailure,
    Untrusted,
)
from modelreg.errors.conflict import (
    DestinationExists,
    InUse,
    ModelExists,
    NameTaken,
    NothingToRollBackTo,
    NumberTaken,
    ProductionOccupied,
    StageChanged,
)
from modelreg.errors.damage import (
    ITS_CONFIG,
    ITS_MANIFEST,
    BlobDamaged,
    CatalogDamaged,
    ExportedVersionChanged,
)
from modelreg.errors.input import (
    CannotPredict,
    InvalidData,
    InvalidExpression,
    InvalidName,
    InvalidReference,
    SourceChanged,
    SourceNotFound,
    UnknownStage,
    UnloadableModel,
    UnusableSource,
)
from modelreg.errors.lookup import (
    AliasNotFound,
    BytesNotStored,
    ModelNotFound,
    RunNotFound,
    StageEmpty,
    TagNotFound,
    VersionNotFound,
)
from modelreg.errors.storage import (
    LockTimeout,
    MLflowFailed,
    OperationInterrupted,
    RegistryNotFound,
    UnsafeRegistry,
    UnusableFolder,
    WriteFailed,
)
from modelreg.errors.text import did_you_mean, quoted, shown
from modelreg.errors.trust import (
    ConfinementFailed,
    ModelStopped,
    SandboxUnavailable,
    UnsafeModel,
    UntrustedModel,
)
