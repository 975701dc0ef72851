"""The house rules, tested: sizes, directions of imports, lightness, where resources lie."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from functools import cache
from pathlib import Path

import pytest

from scripts import house

ROOT = Path(__file__).resolve().parents[1]
CODE = ("c4t_core", "c4t_desktop", "scripts", "benchmarks")
HEAVY = ("torch", "torchvision", "transformers", "timm", "open_clip", "accelerate", "matplotlib")
ENGINES = ("onnxruntime", "tokenizers", "PySide6", "shiboken6", "hnswlib", "tqdm")
# Imported by whoever starts; whatever it brings must not slow the start down.
LIGHT = (
    "c4t_core",
    "c4t_core.cli",
    "c4t_core.errors",
    "c4t_core.paths",
    "c4t_core.models.registry",
    "c4t_core.workspace",
    "c4t_core.commands.index",
    "c4t_core.commands.search",
    "c4t_core.commands.embed",
    "c4t_core.commands.doctor",
)


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def run_python(code: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **variables},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_holds_few_modules():
    assert house.above(house.folders(house.read(ROOT, CODE)), house.MODULES_IN_FOLDER) == {}


def test_modules_are_not_long():
    found = house.lines(house.read(ROOT, CODE))
    assert len(found) > 100
    assert house.above(found, house.LINES_IN_MODULE) == {}


def test_functions_are_not_complex():
    assert house.complexities(ROOT, house.COMPLEXITY + 1) == {}


def test_every_public_name_says_what_it_is():
    assert house.without_docstring(house.read(ROOT)) == []


def test_imports_only_go_down():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_core_module_has_a_place_in_the_layers():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract["type"] != "layers":
            continue
        assert contract["exhaustive"] is True
        package = contract["containers"][0]
        placed = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
        there = {
            path.stem
            for path in (ROOT / package).iterdir()
            if (path.suffix == ".py" or (path / "__init__.py").is_file())
            and path.stem != "__init__"
        }
        assert there <= placed, there - placed


@pytest.mark.parametrize("module", LIGHT)
def test_starting_loads_nothing_heavy(module):
    names = HEAVY + ENGINES
    code = (
        f"import sys, json, {module}; print(json.dumps([m for m in {names!r} if m in sys.modules]))"
    )
    assert json.loads(run_python(code)) == []


def test_a_search_loads_only_what_it_needs():
    # Pictures are opened, names read and folders indexed by others; each took part of the start.
    unneeded = ("PIL", "c4t_core.images.name_parts", "c4t_core.index.indexer", "statistics")
    code = (
        "import sys, c4t_core.commands.search, c4t_core.models.registry, c4t_core.workspace; "
        f"print([m for m in {unneeded!r} if m in sys.modules])"
    )
    assert run_python(code).strip() == "[]"


def test_core_works_where_qt_cannot_be_loaded():
    # Every module of the core is imported; what needs an extra may say so, Qt may not matter.
    code = """
import importlib, pkgutil, sys
for name in ("PySide6", "shiboken6", "PyQt6", "qtpy"):
    sys.modules[name] = None
import c4t_core
count = 0
for info in pkgutil.walk_packages(c4t_core.__path__, "c4t_core."):
    if info.name.endswith("__main__"):
        continue
    importlib.import_module(info.name)
    count += 1
print(count)
"""
    assert int(run_python(code)) > 30


def test_no_module_of_the_core_names_a_gui_toolkit_in_an_import():
    found = []
    for path in modules("c4t_core"):
        for node in nodes(path):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names}
            if tops & {"PySide6", "shiboken6", "PyQt6", "qtpy", "c4t_desktop"}:
                found.append(path.name)
    assert not found


def test_resources_are_no_package():
    assert not list((ROOT / "resources").rglob("*.py"))
    assert importlib.util.find_spec("c4t_core._resources") is None
    # An editable install puts the checkout on the path; site-packages must not hold the folder.
    installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    assert not [folder for folder in installed if (folder / "resources").exists()]
    spec = importlib.util.find_spec("resources")
    assert spec is None or spec.origin is None  # at most a plain folder, never a package


def test_the_project_names_no_package_index():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(r"https?://", text)
    assert "index-url" not in text


def test_every_dependency_has_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    loose = [
        line
        for line in listed
        if not line.startswith("c4t-desktop[") and not re.search(r">=[\d.]+,<[\d.]+", line)
    ]
    assert not loose


def test_nothing_is_unpickled_except_by_torch_with_weights_only():
    for path in modules("c4t_core", "c4t_desktop", "scripts"):
        text = path.read_text(encoding="utf-8")
        loading = r"pickle\.(loads?|Unpickler)\b|from pickle import.*load|allow_pickle=True"
        assert not re.search(loading, text), path
        for call in re.finditer(r"torch\.load\((?:[^()]|\([^()]*\))*\)", text):
            assert "weights_only=True" in call.group(), f"{path}: {call.group()}"


def test_the_package_says_its_version_once():
    import c4t_core

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert c4t_core.__version__ == project["version"]


THREADS = ("Thread", "Timer", "QThread", "QThreadPool", "QRunnable", "QProcess", "QtConcurrent")
PROCESSES = ("concurrent", "subprocess", "multiprocessing", "_thread")


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Everything in a module, which many rules look at."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def starts_threads(path: Path) -> bool:
    """Whether a module names something that starts threads or processes; a lock does not."""
    for node in nodes(path):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
        if {name.partition(".")[0] for name in names} & {*THREADS, *PROCESSES}:
            return True
        if isinstance(node, ast.Attribute) and node.attr in THREADS:
            return True
    return False


def test_the_only_threads():
    found = [path for path in modules("c4t_desktop") if starts_threads(path)]
    assert {path.relative_to(ROOT / "c4t_desktop").as_posix() for path in found} == {
        "jobs/desktop.py",
        "jobs/runner.py",
        "jobs/thumbnails.py",
        "jobs/training_process.py",
    }
    found = [path for path in modules("c4t_core") if starts_threads(path)]
    assert {path.relative_to(ROOT / "c4t_core").as_posix() for path in found} == {
        "commands/doctor.py",
        "datasets/labels/masks.py",
        "index/embed.py",
        "index/vectors/cache.py",
        "index/vectors/table.py",
        "index/vectors/vectors.py",
        "models/download.py",
        "models/graphs/sessions.py",
        "training/data.py",
    }


def test_no_view_writes_a_field_of_another_object():
    found = []
    for path in [*modules("c4t_desktop/panels"), ROOT / "c4t_desktop" / "main_window.py"]:
        for node in nodes(path):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                owner = ast.unparse(node.value)
                if owner != "self":
                    found.append(f"{path.name}: {owner}.{node.attr}")
    assert not found


@cache
def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call of a module with the name it is called by, such as ``Image.open``."""
    return [(ast.unparse(node.func), node) for node in nodes(path) if isinstance(node, ast.Call)]


def imports(path: Path) -> set[str]:
    """The first part of every module name that a module imports, wherever it does."""
    out = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            out |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            out.add((node.module or "").partition(".")[0])
    return out


def where(holds) -> dict[str, list[int]]:
    """Module -> lines of the calls in both packages for which ``holds(name, call)``."""
    out: dict[str, list[int]] = {}
    for path in modules("c4t_core", "c4t_desktop"):
        for name, call in calls(path):
            if holds(name, call):
                out.setdefault(path.relative_to(ROOT).as_posix(), []).append(call.lineno)
    return out


def test_the_only_opener_of_the_users_pictures():
    def opens(name: str, call: ast.Call) -> bool:
        last = name.rpartition(".")[2]
        one = len(call.args) == 1  # of a path, or a copy of what is in memory
        return (
            name.endswith("Image.open")
            or last in {"QImageReader", "QMovie", "loadFromData", "fromData"}
            or (last in {"QImage", "QPixmap"} and one)
        )

    assert where(opens).keys() == {
        "c4t_core/images/decode.py",
        "c4t_desktop/jobs/thumbnails.py",  # the JPEGs it keeps itself, from memory
        "c4t_desktop/panels/search_bar.py",  # what was pasted, from the clipboard
        "c4t_desktop/gallery/delegate.py",  # copies of a card's ground
        "c4t_desktop/theme/icons.py",  # its own icons
    }


def test_the_only_atomic_write():
    def renames(name: str, call: ast.Call) -> bool:
        owner, _, last = name.rpartition(".")
        plain = len(call.args) == 1 and not call.keywords and owner not in {"dataclasses", ""}
        return (
            name in {"os.replace", "os.rename", "os.fsync", "shutil.move"}
            or last in {"NamedTemporaryFile", "mkstemp", "mkdtemp"}
            or (last in {"replace", "rename"} and plain)  # a text's has two arguments
        )

    assert where(renames).keys() == {
        "c4t_core/files.py",
        "c4t_core/models/download.py",  # keeps what has arrived when the connection breaks
        "c4t_core/models/clip.py",  # moves what was downloaded into its folder
        "c4t_core/models/registry.py",  # moves a model away before it is deleted
        "c4t_core/index/store/soundness.py",  # moves a damaged file aside
    }


def test_the_only_hash():
    assert {
        path.relative_to(ROOT).as_posix()
        for path in modules("c4t_core", "c4t_desktop")
        if "hashlib" in imports(path)
    } == {"c4t_core/files.py"}


def test_the_only_sql():
    store = "c4t_core/index/store/"
    speakers = {
        path.relative_to(ROOT).as_posix()
        for path in modules("c4t_core", "c4t_desktop")
        if "sqlite3" in imports(path)
    } | where(lambda name, _: re.search(r"\.execute(many|script)?$", name)).keys()
    others = {name for name in speakers if not name.startswith(store)}
    assert others == {
        "c4t_core/commands/doctor.py",  # names SQLite's version
        "c4t_core/cluster/table.py",  # conditions as Lance reads them
    }


# What a panel needs it is given: it asks no widget for its kind and climbs to no window.
SNIFFING = {"hasattr", "getattr", "setattr", "import_module", "window", "parent", "findChild"}


def test_panels_do_not_sniff_at_each_other():
    found = []
    for module in house.read(ROOT, ["c4t_desktop"]):
        if module.name.startswith(("c4t_desktop.panels", "c4t_desktop.main_window")):
            calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
            names = {ast.unparse(call.func).rpartition(".")[2] for call in calls}
            if names & SNIFFING or "runtime_checkable" in module.source:
                found.append(module.name)
            found += [
                module.name
                for call in calls
                if ast.unparse(call.func) == "isinstance" and "Window" in ast.unparse(call.args[1])
            ]
    assert not found


def test_nothing_is_hung_on_the_window_from_outside():
    found = []
    for module in house.read(ROOT, ["c4t_desktop"]):
        for node in ast.walk(module.tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = [ast.unparse(t.value) for t in targets if isinstance(t, ast.Attribute)]
            found += [module.name for name in names if name.split(".")[-1].strip("_") == "window"]
    assert not found


def test_a_class_has_few_public_methods():
    assert house.above(house.methods(house.read(ROOT)), house.METHODS_IN_CLASS) == {}


def test_the_only_connections():
    network = {"socket", "urllib", "http", "ssl", "ftplib", "requests", "huggingface_hub"}
    network |= {"fsspec", "lancedb", "ray"}  # addresses that the user opened
    found = {
        path.relative_to(ROOT).as_posix()
        for path in modules("c4t_core", "c4t_desktop")
        if imports(path) & network or "QNetworkAccessManager" in path.read_text(encoding="utf-8")
    }
    assert found == {
        "c4t_core/models/download.py",
        "c4t_core/addresses.py",  # urllib.parse
        "c4t_core/cluster/listing.py",
        "c4t_core/cluster/ray_runner.py",
        "c4t_core/images/fetched.py",  # pictures at addresses that the user opened
        "c4t_core/cluster/table.py",
        "c4t_core/cluster/keeping.py",  # the kinds of its indexes
        "c4t_core/index/vectors/locks.py",  # the name of this machine
        "c4t_desktop/gallery/results_model.py",  # urllib.parse
    }


PLAIN = {  # what the window imports of the core before anything is asked for
    "c4t_core",
    "c4t_core.addresses",
    "c4t_core.errors",
    "c4t_core.files",
    "c4t_core.images.fetched",
    "c4t_core.images.frame_names",
    "c4t_core.images.thumbnails",
    "c4t_core.index.objects",
    "c4t_core.index.query",
    "c4t_core.paths",
    "c4t_core.progress",
    "c4t_core.quiet",
    "c4t_core.records",
    "c4t_core.training.events",
    "c4t_core.training.request",
}


def test_the_window_starts_with_plain_values_of_the_core():
    found = set()
    for path in modules("c4t_desktop"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("c4t_core"):
                whole = node.module == "c4t_core"
                names = {f"c4t_core.{alias.name}" for alias in node.names} if whole else set()
                found |= names - {"c4t_core.__version__"} or {node.module}
    assert found <= PLAIN
    heavy = ("numpy", "PIL", *HEAVY, *ENGINES[:2])
    code = f"import sys, c4t_desktop.app; print([m for m in {heavy!r} if m in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_the_only_dataclasses():
    """Those of the standard library take a millisecond each of every start."""

    def imports_them(tree):
        froms = (node for node in tree if isinstance(node, ast.ImportFrom))
        return any(
            node.module == "dataclasses" and "dataclass" in {alias.name for alias in node.names}
            for node in froms
        )

    packages = modules("c4t_core", "c4t_desktop")
    found = {path.relative_to(ROOT).as_posix() for path in packages if imports_them(nodes(path))}
    assert found == {"c4t_core/records.py"}


def test_the_only_folding_of_events():
    assert where(lambda name, _: name in {"fold_frames", "fold_events"}).keys() == {
        "c4t_core/index/events.py",
        "c4t_core/workspace.py",
    }


# What tests may look into, and which does: what each tests itself, and nothing else.
INSIDE = {
    "core/commands/test_console.py": "c4t_core/commands/console.py",
    "core/commands/test_doctor.py": "c4t_core/commands/doctor.py",
    "core/test_library.py": "c4t_core/index/exports.py",
    "core/evaluation/test_benchmark.py": "c4t_core/evaluation",
    "core/index/test_vector_cache.py": "c4t_core/index/vectors",
    "core/models/test_clip_towers.py": "c4t_core/models/clip.py",
    "core/models/test_engines.py": "c4t_core/models/engine.py",
    "core/models/test_int8.py": "c4t_core/models/graphs",
    "core/index/test_vectors.py": "c4t_core/index/vectors",
    "desktop/test_gallery.py": "c4t_desktop/gallery",
    "desktop/test_large_frame.py": "c4t_desktop/gallery/frame_view.py",
    "desktop/test_memory.py": "c4t_desktop/services/watching.py",
    "desktop/test_theme.py": "c4t_desktop/theme",
}


@cache
def trees_of_tests() -> dict[str, ast.Module]:
    found = {path.relative_to(ROOT / "tests"): path for path in modules("tests")}
    return {
        name.as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for name, path in found.items()
        if name.parts[0] != "made_by_0_1"  # run once, by that version
    }


def imported(tree: ast.Module) -> set[str]:
    """Every module that a module imports, and every name that it imports from one, dotted."""
    out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            out |= {f"{node.module}.{alias.name}" for alias in node.names}
    return out


def is_search_path(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"


def looked_into(tree: ast.Module) -> set[str]:
    """Private names of others that a module imports, asks an object for, or replaces."""
    names = {part for name in imported(tree) for part in name.split(".")}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in {"self", "cls"}:
            names.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("attr"):
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            names |= {text.rpartition(".")[2] for text in texts if isinstance(text, str)}
    return {name for name in names if re.match(r"_[^_]", name)}


def test_no_test_imports_another():
    trees = trees_of_tests()
    loose = {name.removesuffix(".py").rpartition("/")[2] for name in trees} - {"__init__"}
    wrong = {}
    for name, tree in trees.items():
        for module in imported(tree) | {"sys.path" for n in ast.walk(tree) if is_search_path(n)}:
            first, second, *_ = [*module.split("."), ""]
            if first in loose or (first == "tests" and second != "helpers") or module == "sys.path":
                wrong[name] = module
    assert wrong == {}


def test_no_test_looks_into_what_it_does_not_test():
    found = {
        name: private for name, tree in trees_of_tests().items() if (private := looked_into(tree))
    }
    assert found.keys() == INSIDE.keys()
    for name, private in found.items():
        place = ROOT / INSIDE[name]
        files = [place] if place.is_file() else place.glob("*.py")
        source = "\n".join(path.read_text(encoding="utf-8") for path in files)
        there = set(re.findall(r"(?:def |class |self\.|^)(_\w+)", source, re.MULTILINE))
        assert private <= there, (name, private - there)
