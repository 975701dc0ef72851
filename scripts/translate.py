"""Collects the window's texts, updates their German translation and compiles it.

``python -m scripts.translate`` rewrites ``resources/translations/c4t_de.ts`` from the code
(translations are kept, texts that are gone are dropped) and compiles it with Qt's ``lrelease``;
``--check`` changes nothing and fails where a text has no German. Texts are found by reading the
code's syntax tree, since Qt's own ``lupdate`` does not know this project's short helpers.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ROOT / "c4t_desktop"
TS = ROOT / "resources" / "translations" / "c4t_de.ts"
Text = tuple[str, str]  # context, source


def texts_of(tree: ast.Module) -> Iterator[Text]:
    """Yield the texts of one module that are to be translated."""
    helper = _context_of_helper(tree)
    yield from _walk(tree, "", helper)


def _context_of_helper(tree: ast.Module) -> str:
    """Return the context that a module's own ``_tr`` translates in, "" without one."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "_tr":
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and _name(call) == "translate":
                    return str(next(_literals(call.args[0]), ""))
    return ""


def _walk(node: ast.AST, owner: str, helper: str) -> Iterator[Text]:
    for child in ast.iter_child_nodes(node):
        inside = child.name if isinstance(child, ast.ClassDef) else owner
        if isinstance(child, ast.Call):
            yield from _texts_of_call(child, inside, helper)
        yield from _walk(child, inside, helper)


def _texts_of_call(call: ast.Call, owner: str, helper: str) -> Iterator[Text]:
    name = _name(call)
    if name == "tr" and call.args:  # self.tr, or a short name for it
        for text in _literals(call.args[0]):
            yield owner, text
    elif name == "_tr" and call.args:
        for text in _literals(call.args[0]):
            yield helper, text
    elif name in ("translate", "tr_noop") and len(call.args) >= 2:
        for context in _literals(call.args[0]):
            for text in _literals(call.args[1]):
                yield context, text


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _literals(node: ast.expr) -> Iterator[str]:
    """Yield the texts that an argument can be: a literal, or a choice between some."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def collect() -> list[Text]:
    """Return all texts of the window, by context, each once."""
    found: set[Text] = set()
    for path in sorted(CODE.rglob("*.py")):
        found.update(texts_of(ast.parse(path.read_text(encoding="utf-8"))))
    return sorted(found)


def read(path: Path = TS) -> dict[Text, str]:
    """Return the finished translations of a ``.ts`` file."""
    if not path.is_file():
        return {}
    found = {}
    for context in ET.parse(path).getroot().iter("context"):
        name = context.findtext("name", "")
        for message in context.iter("message"):
            translation = message.find("translation")
            if translation is not None and translation.get("type") is None and translation.text:
                found[name, message.findtext("source", "")] = translation.text
    return found


def write(texts: list[Text], known: dict[Text, str], path: Path = TS) -> list[Text]:
    """Write a ``.ts`` file; return the texts without a translation.

    A text that is new in one place but known from another takes that translation.
    """
    elsewhere = {source: german for (_, source), german in known.items()}
    root = ET.Element("TS", version="2.1", language="de_DE", sourcelanguage="en")
    missing = []
    holders: dict[str, ET.Element] = {}
    for context, source in texts:
        if context not in holders:
            holders[context] = ET.SubElement(root, "context")
            ET.SubElement(holders[context], "name").text = context
        message = ET.SubElement(holders[context], "message")
        ET.SubElement(message, "source").text = source
        german = known.get((context, source)) or elsewhere.get(source)
        translation = ET.SubElement(message, "translation")
        if german:
            translation.text = german
        else:
            translation.set("type", "unfinished")
            missing.append((context, source))
    ET.indent(root, " ")
    path.parent.mkdir(parents=True, exist_ok=True)
    body = ET.tostring(root, encoding="unicode")
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n'
    path.write_text(f"{head}{body}\n", encoding="utf-8")
    return missing


def untranslated() -> list[Text]:
    """Return the texts of the window that have no German."""
    known = read()
    return [text for text in collect() if text not in known]


def compile_ts(path: Path = TS) -> None:
    """Compile a ``.ts`` file to the ``.qm`` beside it."""
    tool = Path(sysconfig.get_path("scripts")) / "pyside6-lrelease"
    command = [str(tool), "-silent", str(path), "-qm", str(path.with_suffix(".qm"))]
    subprocess.run(command, check=True)


def main() -> int:
    """Update or check; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say what is missing")
    if parser.parse_args().check:
        missing = untranslated()
    else:
        missing = write(collect(), read())
        compile_ts()
    for context, source in missing:
        print(f"no German for {context}: {source!r}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
