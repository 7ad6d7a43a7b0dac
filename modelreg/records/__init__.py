"""What the registry hands out: frozen values, whole when made, one module a subject.

Times are aware datetimes in UTC, sizes are bytes, digests are ``sha256:`` and 64 hexadecimal digits. A command
imports the records that it needs alone: each class costs half a millisecond to make.
"""

_WHERE = {
    "SignatureField": "signature",
    "Signature": "signature",
    "Model": "model",
    "ModelFile": "version",
    "Environment": "version",
    "ModelVersion": "version",
    "Description": "registration",
    "Provenance": "registration",
    "Registration": "registration",
    "StageChange": "transition",
    "Transition": "transition",
    "Actor": "journal",
    "JournalEntry": "journal",
    "Finding": "inspection",
    "RegistryInformation": "inspection",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module("modelreg.records." + _WHERE[name]), name)
