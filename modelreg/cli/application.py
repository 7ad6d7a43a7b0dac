"""The Typer application: the table of commands, which are imported on demand, and the global options."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from modelreg import __version__
from modelreg.cli import output
from modelreg.errors import InvalidInput, did_you_mean, shown
from modelreg.registry import Registry
from modelreg.system.locks import DEFAULT_LOCK_TIMEOUT

COMMANDS = {
    "register": "modelreg.cli.commands.register:register",
    "list": "modelreg.cli.commands.list:list_models",
    "versions": "modelreg.cli.commands.versions:versions",
    "show": "modelreg.cli.commands.show:show",
    "evaluate": "modelreg.cli.commands.evaluate:evaluate",
    "diff": "modelreg.cli.commands.diff:diff",
    "gate": "modelreg.cli.commands.gate:gate",
    "approve": "modelreg.cli.commands.approve:approve",
    "transition": "modelreg.cli.commands.transition:transition",
    "rollback": "modelreg.cli.commands.rollback:rollback",
    "load": "modelreg.cli.commands.load:load",
    "predict": "modelreg.cli.commands.predict:predict",
    "trust": "modelreg.cli.commands.trust:trust",
    "export": "modelreg.cli.commands.export:export",
    "history": "modelreg.cli.commands.history:history",
    "alias": "modelreg.cli.commands.alias:alias",
    "tag": "modelreg.cli.commands.tag:tag",
    "describe": "modelreg.cli.commands.describe:describe",
    "rename": "modelreg.cli.commands.rename:rename",
    "delete": "modelreg.cli.commands.delete:delete",
    "init": "modelreg.cli.commands.init:init",
    "info": "modelreg.cli.commands.info:info",
    "verify": "modelreg.cli.commands.verify:verify",
    "prune": "modelreg.cli.commands.prune:prune",
    "backup": "modelreg.cli.commands.backup:backup",
    "restore": "modelreg.cli.commands.restore:restore",
    "import-mlflow": "modelreg.cli.commands.import_mlflow:import_mlflow",
    "export-mlflow": "modelreg.cli.commands.export_mlflow:export_mlflow",
}
"""Command -> its function, or its Typer group of subcommands, in the order in which help lists them."""

_ALIASES = {"ls": ("list",), "rm": ("delete",), "promote": ("transition", "Production")}
"""Alias -> command, and arguments to append. Help does not list aliases."""

_GLOBAL_OPTIONS = ("registry", "lock_timeout", "quiet", "table")
"""Options of the program that are also accepted after a command's name."""

_VERSION = re.compile(r"v?[0-9]{1,18}|latest", re.ASCII)

CONTEXT = {"help_option_names": ["-h", "--help"]}

EXIT_CODES = {
    0: "success",
    1: "unexpected error",
    2: "invalid usage or input",
    3: "not found",
    4: "conflict",
    5: "refused by a gate",
    6: "damaged data",
    7: "untrusted model",
    8: "storage failure",
    9: "registry locked",
    10: "no usable registry",
    130: "interrupted (129 by SIGHUP, 143 by SIGTERM)",
}
"""Exit status of every command -> its meaning."""


class Settings:
    """The values of the global options."""

    def __init__(self, registry: Path | None, lock_timeout: float, is_explicit: bool) -> None:
        self.registry = registry
        self.lock_timeout = lock_timeout  # seconds
        self.is_explicit = is_explicit
        """Whether --registry was given, so that commands in hints must repeat it."""


def registry(context: typer.Context) -> Registry:
    """The registry that the global options select."""
    settings: Settings = context.find_root().obj
    return Registry(settings.registry, lock_timeout=settings.lock_timeout)


def print_undo(context: typer.Context, *commands: Sequence[str]) -> None:
    """Print the commands that undo a change, on one line; each is given without the program's name."""
    import shlex

    settings: Settings = context.find_root().obj
    options = ["--registry", str(settings.registry)] if settings.is_explicit else []
    output.print_note("undo: " + " && ".join(shlex.join(["modelreg", *options, *words]) for words in commands))


def build_arguments(*words: str, options: Sequence[str] = ()) -> list[str]:
    """A command line of positional arguments and options, with ``--`` if an argument begins with a dash."""
    if any(word.startswith("-") for word in words):
        return [*options, "--", *words]
    return [*words, *options]


class Interrupted(Exception):
    """A command ended by Ctrl-C, or by the end of input at a prompt."""

    def __init__(self, command: str | None) -> None:
        super().__init__(command)
        self.command = command


class Commands(TyperGroup):
    """A Typer group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Resolve aliases and suggest similar commands, without importing any; otherwise as Typer."""
        name, *rest = args
        if name in _ALIASES:
            name, *appended = _ALIASES[name]
            rest += appended
        if name not in COMMANDS and not name.startswith("-"):
            raise InvalidInput(f"unknown command {shown(name)}", did_you_mean(name, COMMANDS) or "modelreg --help")
        return super().resolve_command(ctx, [name, *rest])

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raises `Interrupted`, which names the command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort) as error:
            raise Interrupted(ctx.invoked_subcommand) from error

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command and add the global options to it and to its subcommands; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name].split(":")
        root = _build_command(getattr(import_module(module), function), cmd_name)
        for command in (root, *getattr(root, "commands", {}).values()):
            own = {option for parameter in command.params for option in parameter.opts}
            command.params += [
                _copy_to_command(option)
                for option in self.params
                if option.name in _GLOBAL_OPTIONS and own.isdisjoint(option.opts)
            ]
        return root


class Command(TyperCommand):
    """A Typer command that accepts ``NAME VERSION`` for a reference, and refuses a repeated option with one value."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse as Typer; raises `InvalidInput` where Typer would silently ignore the first value."""
        values, surplus, options = self.make_parser(ctx).parse_args(args=list(args))
        args = self._join_reference(args, values, surplus)
        repeated = [
            option
            for option in options
            if option.nargs == 1
            and not option.multiple
            and not getattr(option, "is_flag", False)
            and options.count(option) > 1
        ]
        if repeated and not ctx.resilient_parsing:
            name = max(repeated[0].opts, key=len)
            raise InvalidInput(f"{name} is given more than once, but takes one value", f"give {name} once")
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The parts of the usage line, with both forms of a reference."""
        pieces = super().collect_usage_pieces(ctx)
        if "[VERSION]" in pieces:  # the command has an argument for the version
            return pieces
        return ["(REF | NAME VERSION)" if piece == "{REF}" else piece for piece in pieces]

    def _join_reference(self, args: list[str], values: Mapping[str, Any], surplus: list[str]) -> list[str]:
        """Replace ``churn 3`` at the place of a reference by ``churn/3``, if the words fit in no other way."""
        arguments = [parameter for parameter in self.params if parameter.param_type_name == "argument"]
        if not arguments or "REF" not in str(arguments[0].metavar):
            return args
        words: list[str] = []
        for argument in arguments:
            value = values.get(str(argument.name))
            words += [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
        words += surplus
        is_variadic = arguments[-1].nargs == -1
        place = next((i for i in range(len(args) - 1) if args[i : i + 2] == words[:2]), None)
        if (
            len(words) < 2
            or place is None
            or any(sign in words[0] for sign in "/@")
            or not (surplus or (is_variadic and _VERSION.fullmatch(words[1])))
        ):
            return args
        return [*args[:place], "/".join(words[:2]), *args[place + 2 :]]


def _build_command(function: Callable[..., None] | typer.Typer, name: str) -> Any:
    if isinstance(function, typer.Typer):
        for command in function.registered_commands:
            command.cls = Command
        group = typer.main.get_command(function)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=CONTEXT)
    single.command(name, cls=Command, context_settings=CONTEXT)(function)
    return typer.main.get_command(single)


def _copy_to_command(option: Any) -> Any:
    """A copy of a global option for a command; its value is stored in the `Settings`."""

    def store(context: typer.Context, parameter: Any, value: Any) -> None:
        if parameter.name in ("quiet", "table"):
            output.set_preferences(**{parameter.name: value})
        elif value is not None:
            setattr(context.find_root().obj, parameter.name, value)
            context.find_root().obj.is_explicit |= parameter.name == "registry"

    duplicate = copy.copy(option)
    duplicate.default, duplicate.envvar, duplicate.show_default = None, None, False
    duplicate.expose_value, duplicate.callback = False, store
    return duplicate


def _print_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"modelreg {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="modelreg",
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    epilog="Exit codes: " + ", ".join(f"{status} {meaning}" for status, meaning in EXIT_CODES.items()) + ".",
)


@app.callback()
def application(
    context: typer.Context,
    registry: Annotated[
        Path | None,
        typer.Option(
            envvar="MODELREG_HOME",
            metavar="DIR",
            readable=False,  # the registry checks permissions, with better messages
            help="The registry folder. Default: the nearest .modelreg upward, else the user's data folder.",
            show_envvar=True,
        ),
    ] = None,
    lock_timeout: Annotated[
        float,
        typer.Option(envvar="MODELREG_LOCK_TIMEOUT", metavar="SECONDS", min=0, help="How long to wait for a lock."),
    ] = DEFAULT_LOCK_TIMEOUT,
    quiet: Annotated[bool | None, typer.Option("--quiet", "-q", help="Print only references, and no notes.")] = None,
    table: Annotated[bool | None, typer.Option("--table", help="Print tables also in a pipe.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A model registry in one folder: model files, versions and stages.

    \b
    modelreg register model.pkl --name churn    store a file as the next version
    modelreg versions churn                     list versions with their stages
    modelreg transition churn 1 Production      promote a version to Production
    modelreg load churn/Production              print the path of its verified file
    """
    output.set_preferences(quiet=quiet, table=table)
    source = context.get_parameter_source("registry")
    context.obj = Settings(registry, lock_timeout, source is not None and source.name == "COMMANDLINE")
