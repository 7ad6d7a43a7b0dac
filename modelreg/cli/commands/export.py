"""``export``: write a version as an OCI image layout."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.commands.load import print_place, warn_of_danger
from modelreg.cli.options import AsJson, ReferenceArgument
from modelreg.cli.progress import transfer_bar
from modelreg.errors import quoted


def export(
    context: typer.Context,
    reference: ReferenceArgument,
    destination: Annotated[str, typer.Argument(metavar="DIR", help="A folder that does not exist yet, or is empty.")],
    as_json: AsJson = False,
) -> None:
    """Write a version as an OCI image layout, for OCI registries.

    'modelreg register DIR --name NAME' takes such a folder back in, as the version that it was.

    \b
    modelreg export churn/Production ./churn-oci
    skopeo copy oci:./churn-oci:3 docker://registry.example.com/models/churn:3
    """
    version = registry(context).version(reference)
    with transfer_bar("writing") as progress:
        path = registry(context).export(version.reference, destination, progress=progress)
    print_place(version, path, as_json)
    warn_of_danger(version)
    layout = quoted(f"oci:{path}:{version.version}")
    output.note(f"skopeo copy {layout} docker://REGISTRY/REPOSITORY:{version.version}")
