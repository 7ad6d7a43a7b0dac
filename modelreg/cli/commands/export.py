"""``export``: export a version as an OCI image layout."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.commands.load import print_danger, print_files_path
from modelreg.cli.options import AsJson, ReferenceArgument
from modelreg.cli.progress import transfer_bar
from modelreg.errors import quoted


def export(
    context: typer.Context,
    reference: ReferenceArgument,
    destination: Annotated[str, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    as_json: AsJson = False,
) -> None:
    """Export a version as an OCI image layout.

    OCI registries accept the layout. 'modelreg register DIR --name NAME' registers it again with the same digest.

    \b
    modelreg export churn/Production ./churn-oci
    skopeo copy oci:./churn-oci:3 docker://registry.example.com/models/churn:3
    """
    source = registry(context)
    version = source.version(reference)
    with transfer_bar("writing") as progress:
        path = source.export(version.reference, destination, progress=progress)
    print_files_path(version, path, as_json)
    print_danger(version)
    layout = quoted(f"oci:{path}:{version.version}")
    output.print_note(f"to push it: skopeo copy {layout} docker://REGISTRY/REPOSITORY:{version.version}")
