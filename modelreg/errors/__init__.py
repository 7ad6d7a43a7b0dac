"""All errors of modelreg: their codes, exit statuses and messages.

    ModelregError                    1  unexpected
    ├── InvalidInput                 2  an argument, option or file cannot be used
    ├── NotFound                     3  no such model, version, stage, alias or run
    ├── Conflict                     4  the current state of the registry does not allow it
    ├── RefusedByGate                5  a version did not pass a gate
    ├── Damaged                      6  stored bytes or the catalog differ from what was registered
    ├── Untrusted                    7  a model could run code that is not allowed
    ├── StorageFailure               8  no space, no permission, a device error
    ├── Busy                         9  another process holds a lock
    └── NoRegistry                  10  no registry, or one that must not be used

A message is one lower-case sentence without a full stop; a hint is the next command or what to change. Text from users
is quoted by `shown`, so that control characters are visible.
"""

from __future__ import annotations

from modelreg.errors.base import (
    Busy,
    Conflict,
    Damaged,
    InvalidInput,
    ModelregError,
    NoRegistry,
    NotFound,
    RefusedByGate,
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
    DamagedBackup,
    ExportedVersionChanged,
    RegistryDamaged,
)
from modelreg.errors.gates import GateRefused
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
    DangerousName,
    ModelStopped,
    SandboxUnavailable,
    UnsafeModel,
    UntrustedModel,
)
