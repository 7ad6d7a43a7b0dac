"""Names that cannot be trusted one by one, from published lists, and names that can."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import modelreg.analysis
from modelreg.analysis.denied_names import is_dangerous, is_trustable, trust_refusal
from modelreg.errors import Untrusted
from modelreg.loading.trust import parse_trusted_name

DATA = json.loads(Path(modelreg.analysis.__file__).with_name("denied_names.json").read_bytes())

LISTED = {
    "picklescan": [
        *("builtins:eval", "types:CodeType", "aiohttp:ClientSession", "logging:FileHandler", "_io:FileIO"),
        *("shutil:rmtree", "code:InteractiveInterpreter.runcode", "cProfile:run", "distutils.file_util:write_file"),
        *("ensurepip:_run_pip", "idlelib.autocomplete:AutoComplete.get_entity", "imaplib:IMAP4_stream"),
        *("pkgutil:resolve_name", "functools:partial", "lib2to3.pgen2.grammar:Grammar.loads"),
        *("torch._inductor.codecache:compile_file", "uuid:_get_command_stdout"),
        *("torch.jit.unsupported_tensor_ops:execWrapper", "_osx_support:_read_output", "_pyrepl.pager:pipe_pager"),
        *("_aix_support:_read_cmd_output", "torch.utils.data.datapipes.utils.decoder:basichandlers"),
        "webbrowser:open",
    ],
    "picklescan-advisories": [
        *("pip:main", "asyncio.unix_events:_UnixSubprocessTransport._start", "numpy.f2py.crackfortran:_eval_length"),
        *("numpy.f2py.crackfortran:myeval", "numpy.testing._private.utils:runstring", "trace:Trace.run"),
        *("pydoc:locate", "idlelib.pyshell:ModifiedInterpreter.runcommand", "doctest:debug_script"),
        *("profile:Profile.runctx", "ctypes:CDLL", "torch._dynamo.guards:GuardBuilder.get"),
        *("torch.utils.collect_env:run", "timeit:timeit", "ssl:get_server_certificate"),
        *("torch.fx.experimental.symbolic_shapes:ShapeEnv.evaluate_guards_expression", "urllib.request:urlopen"),
        *("torch.utils.bottleneck.__main__:run_cprofile", "torch.utils._config_module:ConfigModule.load_config"),
        *("test.support.script_helper:assert_python_ok", "operator:methodcaller"),
        "lib2to3.pgen2.pgen:ParserGenerator.make_label",
    ],
    "fickling": [
        *("_posixsubprocess:fork_exec", "site:execsitecustomize", "atexit:_run_exitfuncs"),
        *("_interpreters:run_string", "compileall:compile_dir", "py_compile:compile", "difflib:HtmlDiff"),
        *("filecmp:dircmp", "glob:glob", "pexpect:spawn", "torch:compile", "torch.hub:load"),
        *("torch.storage:_load_from_bytes", "numpy.distutils.exec_command:exec_command", "smtplib:SMTP"),
        *("ftplib:FTP", "sqlite3:connect", "multiprocessing:Process", "joblib:load", "pipes:Template.copy"),
    ],
    "modelscan": [
        *("runpy:run_path", "nt:system", "posix:system", "requests.api:get", "aiohttp.client:request"),
        *("httplib:HTTPConnection", "multiprocessing.util:spawnv_passfds"),
        *("mlflow.projects.backend.local:_run_entry_point", "bdb:Bdb.run", "pandas.io.parsers.readers:read_csv"),
        *("operator:attrgetter", "pty:spawn", "_pickle:loads", "asyncio:run"),
    ],
    "modelaudit": [
        *("mailcap:findmatch", "setuptools._distutils.spawn:spawn", "typing:_eval_type", "typing:get_type_hints"),
        *("dataclasses:_create_fn", "operator:call", "_functools:reduce", "functools:cache", "itertools:starmap"),
        *("contextlib:ExitStack.callback", "contextvars:Context.run", "weakref:finalize"),
        *("logging.config:dictConfig", "string:Formatter.get_field", "csv:DictWriter.writerow", "argparse:FileType"),
        *("unittest.mock:_patch.start", "pathlib:Path.write_text", "pathlib:PosixPath.open", "dotenv:set_key"),
        *("pip._vendor.distlib.scripts:ScriptMaker", "scipy.stats:norm", "scipy.stats._continuous_distns:norm_gen"),
        *("fsspec.registry:known_implementations", "pydantic:_dynamic_imports", "statistics:mean.__globals__"),
        *("base64:b64decode", "faulthandler:_sigsegv", "mailbox:mbox.add", "numpy.lib._npyio_impl:savetxt"),
        *("yaml:unsafe_load", "resource:setrlimit", "gc:get_objects"),
    ],
    "huntr": [
        *("importlib:import_module", "marshal:loads", "types:FunctionType", "codecs:open"),
        *("http.client:HTTPSConnection", "inspect:getattr_static", "_bootsubprocess:check_output"),
        *("distutils.spawn:spawn", "builtins:vars", "operator:getitem", "numpy.distutils.cpuinfo:getoutput"),
        "io:open",
    ],
    "pickleball": [
        *("_pydev_bundle._pydev_execfile:execfile", "commands:run", "IPython.core.display:display", "numpy:load"),
    ],
    "hide-and-seek": [
        *("numpy.f2py.crackfortran:getlincoef", "numpy.f2py.crackfortran:param_eval", "torch:load", "joblib:load"),
    ],
    "own": [
        "joblib.externals.cloudpickle.cloudpickle:_make_function",
        *("scipy.sparse:save_npz", "scipy.io:savemat", "scipy.datasets:download_all", "sklearn:set_config"),
        *("numpy:seterrcall", "numpy._core._methods:_dump", "pyarrow:memory_map", "pandas:set_option"),
        *("xgboost.callback:TrainingCheckPoint", "scipy:LowLevelCallable", "xgboost:Booster.save_model"),
        *("ray.cloudpickle.cloudpickle:_make_skeleton_class", "pyspark.cloudpickle:subimport"),
        *("numba.core.serialize:_rebuild_function", "numba.cloudpickle:loads"),
        *("sklearn.externals._operator:itemgetter", "toolz.functoolz:curry", "cytoolz.functoolz:compose"),
        *("funcy.funcs:partial", "six.moves:getcwd", "typing:ForwardRef", "_operator:itemgetter"),
        *("scipy.stats._distn_infrastructure:rv_frozen", "sklearn.datasets._base:load_files"),
        *("sklearn.datasets._openml:fetch_openml", "pandas:read_pickle", "pandas:eval", "keras.layers:Lambda"),
        *("tensorflow:load_op_library", "transformers:pipeline", "datasets:load_dataset", "dbm.dumb:open"),
        *("transformers.modeling_utils:PreTrainedModel.from_pretrained", "xgboost.core:Booster.save_model"),
        *("cffi:FFI", "pandas.core.frame:DataFrame.to_pickle", "modelreg.registry:Registry"),
        *("picklescan.scanner:scan_file_path", "joblib.memory:Memory", "sklearn.utils._bunch:Bunch"),
        *("zipimport:zipimporter", "venv:create", "tempfile:mkdtemp", "ast:literal_eval", "shlex:split"),
        *("xml.sax:make_parser", "__main__:Encoder", "numpy:vectorize"),
    ],
}
REEXPORTS = [
    *("sklearn.utils.os.system", "numpy.f2py.crackfortran.os.popen", "torch.serialization.os", "code.interact"),
    *("posixpath.genericpath.os.remove", "mypackage.features:code.interact", "mypackage.features:tarfile.open"),
    *("category_encoders.utils:subprocess.Popen", "mypackage.features:ast.parse"),
    *("mypackage.features:functools.reduce", "mypackage.features:Encoder.__globals__"),
    *("mypackage.features:Encoder.__init__.__globals__", "mypackage.features.itemgetter"),
    *("mypackage.vendored.attrgetter", "mypackage.vendored._operator.call"),
]
TRUSTABLE = [
    *("mypackage.features.Encoder", "my.operator_tools.clean", "mypackage:Outer.Inner", "own_features.Encoder"),
    *("mypackage.run.Runner", "mypackage.loading.Loader", "mypackage.system.SystemFeatures"),
    *("mypackage.features.run", "mypackage.io.Reader", "mypackage.types.Kind", "mypackage.platform.PlatformEncoder"),
    *("mypackage.code.CodeEncoder", "mypackage.pickle.Store", "mypackage.signal.SignalFilter"),
    *("mypackage.logging.Scaler", "mypackage.features.load", "mypackage.operator.Operator"),
    *(
        "mypackage.profile.Profile",
        "mypackage.features.select",
        "os_features.Encoder",
        "mypackage.datasets.Dataset",
        "mypackage.trace.Trace",
        "mypackage.test.Scaler",
    ),
    *("mypackage.inspect.Inspector", "mypackage.features.open_ratio", "mypackage.email.Domain"),
    *("mypackage.time.TimeOfDay", "mypackage.string.Cleaner", "mypackage.eval.Evaluator", "mypackage.exec.Step"),
    *("category_encoders.target_encoder.TargetEncoder", "category_encoders.ordinal.OrdinalEncoder"),
    *("imblearn.pipeline.Pipeline", "imblearn.over_sampling._smote.base.SMOTE", "hdbscan.hdbscan_.HDBSCAN"),
    *("feature_engine.imputation.mean_median.MeanMedianImputer", "lightgbm.sklearn.LGBMClassifier"),
    *("statsmodels.regression.linear_model.OLS", "statsmodels.iolib.table.SimpleTable"),
    *("catboost.core.CatBoostClassifier", "statsmodels.genmod.generalized_linear_model.GLMResultsWrapper"),
    *("xgboost.sklearn.XGBRegressor", "torch.nn.modules.linear.Linear", "torch.nn.modules.container.Sequential"),
    *("torch.optim.adam.Adam", "skorch.classifier.NeuralNetClassifier", "umap.umap_.UMAP"),
    *("prophet.forecaster.Prophet", "lifelines.CoxPHFitter", "transformers.training_args.TrainingArguments"),
    *("ultralytics.nn.modules.block.C2f", "pmdarima.arima.arima.ARIMA"),
    *("sklearn.ensemble._forest.RandomForestClassifier", "sklearn.preprocessing.FunctionTransformer"),
    *("scipy.stats._stats_py.pearsonr", "scipy.stats._kde.gaussian_kde", "shap.explainers._tree.TreeExplainer"),
    *("argparse.Namespace", "datetime.date", "unicodedata.normalize", "math.log1p", "collections.OrderedDict"),
]
NAMED = [
    (module, name)
    for group in DATA["groups"]
    if group["dangerous"]
    for module, names in group["names"].items()
    for name in names
]
MODULES = [module for group in DATA["groups"] if group["dangerous"] for module in group["modules"]]


def test_every_group_has_a_reason_and_known_sources():
    for group in DATA["groups"]:
        assert group["reason"]
        assert group["sources"]
        assert set(group["sources"]) <= DATA["sources"].keys()
    assert DATA["sources"].keys() == LISTED.keys()
    for source in DATA["sources"].values():
        assert source["licence"]
        assert source.get("date") or source.get("version")


@pytest.mark.parametrize("source", LISTED)
def test_trust_add_refuses_every_name_that_a_source_lists(registry, source):
    registry.create()
    for name in LISTED[source]:
        with pytest.raises(Untrusted) as error:
            registry.trust("own.Encoder", name)
        assert error.value.code == "dangerous_name"
        assert trust_refusal(*parse_trusted_name(name)).reason in error.value.message
    assert registry.trusted_names() == []


@pytest.mark.parametrize("prefix", ["sklearn.utils", "mypackage.features"])
def test_a_dangerous_name_is_denied_under_any_importing_module(prefix):
    for module, name in NAMED:
        assert not is_trustable(prefix, f"{module}.{name}"), (module, name)
        assert not is_trustable(f"{prefix}.{module}", name), (module, name)
        assert is_dangerous(prefix, f"{module}.{name}"), (module, name)
    for module in MODULES:
        assert is_dangerous(module, "anything")
        assert is_dangerous(f"{module}.below", "anything")
        assert is_dangerous(prefix, f"{module}.anything"), module


ALIASES = [
    *("np.load", "np.memmap", "np.f2py.compile", "np.lib.npyio.DataSource", "np.save", "np.ndarray.tofile"),
    *("pd.read_pickle", "pd.eval", "pd.DataFrame.to_csv", "xgb.Booster.save_model", "lgb.Booster.save_model"),
    *("pkl.loads", "sp.io.savemat", "sps.save_npz", "tf.py_function", "plt.savefig", "_os.system", "subprocess_.run"),
    *("pa.memory_map", "nb.jit", "sns.load_dataset", "sk.set_config"),
]


@pytest.mark.parametrize("name", ALIASES)
def test_customary_module_aliases_are_denied(name):
    for module in ("mypackage.features", "sklearn.utils.validation"):
        assert not is_trustable(module, name)


def test_names_that_only_resemble_an_alias_can_be_trusted():
    for module, name in [("mypackage.np", "clean"), ("mypackage", "sp.Encoder"), ("mypackage._io", "Reader")]:
        assert is_trustable(module, name)


@pytest.mark.parametrize("name", REEXPORTS)
def test_a_dotted_path_to_a_dangerous_name_is_refused(registry, name):
    registry.create()
    with pytest.raises(Untrusted) as refused:
        registry.trust(name)
    assert refused.value.code == "dangerous_name"


@pytest.mark.parametrize("name", TRUSTABLE)
def test_own_and_third_party_classes_and_functions_can_be_trusted(registry, name):
    registry.create()
    assert registry.trust(name) == (name,)


def test_denied_names_in_genuine_models_are_not_dangerous():
    for module, name in [
        ("cloudpickle.cloudpickle", "_make_function"),
        ("joblib.externals.cloudpickle.cloudpickle", "_make_function"),
        ("numba.core.serialize", "_rebuild_function"),
        ("scipy.stats._continuous_distns", "norm_gen"),
        ("joblib.memory", "Memory"),
        ("functools", "partial"),
    ]:
        assert not is_trustable(module, name)
        assert not is_dangerous(module, name)


def test_trust_add_prints_the_reason_and_the_alternative(registry, modelreg):
    registry.create()
    command = [modelreg, "--registry", registry.folder, "trust", "add"]
    process = subprocess.run([*command, "uuid._get_command_stdout"], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (7, "")
    assert process.stderr.splitlines() == [
        "error: 'uuid._get_command_stdout' cannot be trusted: it starts programs",
        "hint: put the code into a class of your own in an importable module, and trust that class; or load one model "
        "once: --trust full --message WHY",
    ]
    process = subprocess.run([*command, "__main__.Encoder"], capture_output=True, text=True, check=False)
    assert "move it to an importable module" in process.stderr


def test_only_data_types_of_the_standard_library_can_be_trusted():
    roots = sys.stdlib_module_names | set(DATA["standard_library"]["removed_modules"])
    modules = roots - set(DATA["standard_library"]["data_modules"])
    assert [module for module in sorted(modules) if is_trustable(module, "anything")] == []
    refusal = trust_refusal("shlex", "split")
    assert refusal is not None
    assert "standard library" in refusal.reason
