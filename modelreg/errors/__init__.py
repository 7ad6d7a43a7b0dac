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
    AmbiguousDigest,
    DestinationExists,
    ModelExists,
    ModelInUse,
    NameInUse,
    NameTaken,
    NothingToRollBackTo,
    NumberTaken,
    ProductionOccupied,
    RegistryExists,
    StageChanged,
    UnusableBackup,
    VersionInUse,
)
from modelreg.errors.damage import (
    ITS_CONFIG,
    ITS_MANIFEST,
    BlobDamaged,
    CatalogDamaged,
    DamagedBackup,
    Findings,
    OtherBytes,
)
from modelreg.errors.gates import GateRefused
from modelreg.errors.input import (
    CannotPredict,
    DataChanged,
    InvalidAlias,
    InvalidData,
    InvalidExpression,
    InvalidKey,
    InvalidMetric,
    InvalidName,
    InvalidReference,
    MLflowMissing,
    ParamChanged,
    SourceChanged,
    SourceNotFound,
    UnknownStage,
    UnknownStageRules,
    UnloadableModel,
    UnreadableModel,
    UnusableSource,
)
from modelreg.errors.lookup import (
    AliasNotFound,
    ApprovalNotFound,
    BytesElsewhere,
    GateNotFound,
    LoggedModelNotFound,
    ModelNotFound,
    NameNotTrusted,
    RunNotFound,
    StageEmpty,
    TagNotFound,
    VersionNotFound,
)
from modelreg.errors.storage import (
    AnswerLost,
    BackupInterrupted,
    BackupNotFound,
    JournalLeft,
    LockTimeout,
    MLflowFailed,
    NoLocks,
    OldSQLite,
    PruneInterrupted,
    RegistryNotFound,
    RegistryTooNew,
    RestorationInterrupted,
    TransferIncomplete,
    TransferInterrupted,
    Unconfirmed,
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
