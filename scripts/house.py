"""Measure the house: how much there is, where it lies, and whether a drawing of it is possible.

    python -m scripts.house [--root CHECKOUT] [--json]

Counted is what a wheel holds, ``c4t_core`` and ``c4t_desktop``. The functions here also serve the
rules in ``tests/test_architecture.py``. The column of version 0.1.0 was measured with this very
script on 6666535.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PACKAGES = ("c4t_core", "c4t_desktop")
# The rules.
MODULES_IN_FOLDER = 15
LINES_IN_MODULE = 600
COMPLEXITY = 10
METHODS_IN_CLASS = 25

Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Module:
    """One file of Python."""

    name: str  # dotted; that of its package for an __init__
    path: Path  # relative to the checkout
    source: str

    @property
    def lines(self) -> int:
        """How many, with comments and blank ones."""
        return len(self.source.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.source)


def read(root: Path, packages: Iterable[str] = PACKAGES) -> list[Module]:
    """Return the modules of some packages of a checkout, by path."""
    modules = []
    for path in sorted(path for package in packages for path in (root / package).rglob("*.py")):
        relative = path.relative_to(root)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Module(name, relative, path.read_text(encoding="utf-8")))
    return modules


def folders(modules: Iterable[Module]) -> dict[str, int]:
    """Return the modules per folder, most first; an ``__init__`` is the folder itself."""
    rooms = Counter(m.path.parent.as_posix() for m in modules if m.path.stem != "__init__")
    return dict(rooms.most_common())


def lines(modules: Iterable[Module]) -> dict[str, int]:
    """Return the lines per module, longest first."""
    return dict(Counter({m.path.as_posix(): m.lines for m in modules}).most_common())


def methods(modules: Iterable[Module]) -> dict[str, int]:
    """Return the public methods and properties per public class, most first."""
    found: Counter[str] = Counter()
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and is_public(node.name):
                own = {n.name for n in node.body if isinstance(n, Function) and is_public(n.name)}
                found[f"{module.name}.{node.name}"] = len(own)
    return dict(found.most_common())


def complexities(root: Path, least: int = 0, packages: Sequence[str] = PACKAGES) -> dict[str, int]:
    """Return the cyclomatic complexity of functions above ``least`` as ruff counts it (C901)."""
    words = "-m ruff check --isolated --no-cache --exit-zero --select C901 --output-format json"
    limit = f"lint.mccabe.max-complexity={least}"
    command = [sys.executable, *words.split(), "--config", limit, *packages]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found: Counter[str] = Counter()
    for entry in json.loads(done.stdout):  # "`name` is too complex (7 > 0)"
        name, _, figures = entry["message"].partition(" is too complex (")
        place = Path(entry["filename"]).relative_to(root.resolve()).as_posix()
        key = f"{place}:{entry['location']['row']} {name.strip('`')}"
        found[key] = int(figures.split(" ")[0])
    return dict(found.most_common())


def above(counts: dict[str, int], most: int) -> dict[str, int]:
    """Return what breaks a rule."""
    return {name: count for name, count in counts.items() if count > most}


def is_public(name: str) -> bool:
    return not name.startswith("_")


def public_names(module: Module) -> set[str]:
    """Return the classes, functions and constants defined at the top of a module."""
    found: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, Named):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name in found if is_public(name)}


def twice(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def file_names_twice(modules: Iterable[Module]) -> list[str]:
    return twice(m.path.name for m in modules if m.path.stem != "__init__")


def class_names_twice(modules: Iterable[Module]) -> list[str]:
    """Return the names of classes, private ones too, defined at the top of two modules."""
    nodes = (node for module in modules for node in module.tree.body)
    return twice(node.name for node in nodes if isinstance(node, ast.ClassDef))


def importers(modules: Sequence[Module]) -> dict[str, set[str]]:
    """Return who imports each module, anywhere in it and for types only too."""
    known = {module.name for module in modules}
    found: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for node in ast.walk(module.tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                whole = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in known else node.module for name in whole]
            for name in known.intersection(names):
                found[name].add(module.name)
    return found


def with_one_importer(modules: Sequence[Module]) -> list[str]:
    return sorted(name for name, by in importers(modules).items() if len(by) == 1)


def public_parts(module: Module) -> Iterator[tuple[str, ast.Module | Named]]:
    """Yield a module, its public classes and functions and their public methods, with names."""
    yield module.name, module.tree
    for node in module.tree.body:
        if isinstance(node, Named) and is_public(node.name):
            yield f"{module.name}.{node.name}", node
            for part in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(part, Named) and is_public(part.name):
                    yield f"{module.name}.{node.name}.{part.name}", part


def without_docstring(modules: Iterable[Module]) -> list[str]:
    parts = [part for module in modules for part in public_parts(module)]
    return [name for name, node in parts if not ast.get_docstring(node)]


def documented(modules: Sequence[Module]) -> float:
    """Return the share of public parts that have a docstring, in percent."""
    count = sum(1 for module in modules for _ in public_parts(module))
    return 100 * (1 - len(without_docstring(modules)) / count)


def any_signatures(modules: Iterable[Module]) -> list[str]:
    """Return the functions that say ``Any`` anywhere in their parameters or result."""
    found = []
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                said = [*ast.walk(node.args), *(ast.walk(node.returns) if node.returns else ())]
                if any(isinstance(name, ast.Name) and name.id == "Any" for name in said):
                    found.append(f"{module.name}.{node.name}")
    return found


FIGURES = {  # name: (version 0.1.0, goal)
    "modules, core / window": ("142 / 92", "at most 110 / 80"),
    "lines, core / window": ("23,936 / 16,483", ""),
    "lines, both": ("40,419", "under 37,000"),
    "median / p90 module lines": ("157 / 316", "250 / 450"),
    "most modules in a folder": ("32 (c4t_desktop/panels)", f"{MODULES_IN_FOLDER}"),
    "longest module": ("394 (c4t_core/workspace.py)", f"{LINES_IN_MODULE}"),
    "greatest complexity": ("9", f"{COMPLEXITY}"),
    "most public methods of a class": ("32 (the window's Commands)", f"{METHODS_IN_CLASS}"),
    "modules with one importer": ("79", ""),
    "file / class names twice": ("13 / 17", ""),
    "public names, core / window": ("745 / 298", ""),
    "public docstrings, core / window": ("100 % / 87 %", "100 % / 100 %"),
    "signatures with Any, core / window": ("201 / 125", "window: 0"),
}


def measure(root: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the figures of the table, and what lies behind them."""
    core, window = (read(root, [package]) for package in PACKAGES)
    modules = [*core, *window]
    sizes = sorted(module.lines for module in modules)
    behind: dict[str, Any] = {
        "folders": folders(modules),
        "lines": lines(modules),
        "complexity": complexities(root, least=1),
        "methods": methods(modules),
        "one importer": with_one_importer(modules),
        "file names twice": file_names_twice(modules),
        "class names twice": class_names_twice(modules),
        "without docstring": without_docstring(modules),
        "Any": any_signatures(window),
    }

    def most(key: str) -> str:
        name, count = next(iter(behind[key].items()))
        return f"{count} ({name})"

    now = (
        f"{len(core)} / {len(window)}",
        " / ".join(f"{sum(m.lines for m in part):,}" for part in (core, window)),
        f"{sum(sizes):,}",
        f"{statistics.median(sizes):.0f} / {statistics.quantiles(sizes, n=10)[-1]:.0f}",
        *(most(key) for key in ("folders", "lines", "complexity", "methods")),
        f"{len(behind['one importer'])}",
        f"{len(behind['file names twice'])} / {len(behind['class names twice'])}",
        " / ".join(f"{sum(len(public_names(m)) for m in part)}" for part in (core, window)),
        " / ".join(f"{documented(part):.0f} %" for part in (core, window)),
        " / ".join(f"{len(any_signatures(part))}" for part in (core, window)),
    )
    return dict(zip(FIGURES, now, strict=True)), behind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--json", action="store_true", help="all there is behind the figures too")
    args = parser.parse_args()
    now, behind = measure(args.root)
    if args.json:
        print(json.dumps({"figures": now, **behind}, indent=1))
        return
    print(f"| {'':34} | {'0.1.0':28} | {'goal':16} | now\n|---|---|---|---")
    for name, (before, goal) in FIGURES.items():
        print(f"| {name:34} | {before:28} | {goal:16} | {now[name]}")
    for what, key in (("biggest folders", "folders"), ("longest modules", "lines")):
        listed = [f"{name} {count}" for name, count in behind[key].items()]
        print(f"\n{what}:", *listed[:6], sep="\n  ")


if __name__ == "__main__":
    main()
