"""The pages say what is there: links, names of the code, files, commands with their options."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

import pytest

from c4t_core.cli import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
NAME = re.compile(r"\bc4t_(?:core|desktop)(?:\.[A-Za-z_]\w*)+")
FILE = re.compile(r"\b(?:c4t_core|c4t_desktop|scripts|benchmarks|tests|docs)/[\w./-]*\w")
MODULE = re.compile(r"python -m ((?:benchmarks|scripts|c4t_core|c4t_desktop)[\w.]*)")
BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
SPAN = re.compile(r"`c4t ([a-z]+)(?: ([a-z]+))?[^`]*`")
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def commands(text: str) -> list[list[str]]:
    """Return the arguments of every ``c4t`` in the blocks, in which output has no prompt."""
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
    told = [line.split(" > ")[0] for line in lines]  # what is written to a file
    parts = [part.strip().removeprefix("$ ") for line in told for part in line.split(" | ")]
    return [shlex.split(part, comments=True)[1:] for part in parts if re.match("c4t [a-z]", part)]


@pages
def test_links_files_and_modules_are_there(page):
    text = page.read_text("utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [name for name in FILE.findall(text) if not (ROOT / name).exists()] == []
    assert [name for name in MODULE.findall(text) if find_spec(name) is None] == []


@pages
def test_names_of_the_code_are_there(page):
    for name in NAME.findall(page.read_text("utf-8")):
        resolve_name(name)


@pages
def test_commands_are_understood(page):
    text = page.read_text("utf-8")
    for arguments in commands(text):
        build_parser(arguments[0]).parse_args(arguments)
    for command, action in SPAN.findall(text):
        assert command in COMMANDS
        if command in ("models", "embed") and action:
            with pytest.raises(SystemExit) as end:
                build_parser(command).parse_args([command, action, "--help"])
            assert end.value.code == 0


@pages
def test_tests_are_there(page):
    named = TEST.findall(page.read_text("utf-8"))
    sources = {file: (ROOT / file).read_text("utf-8") for file, _ in named}
    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in sources[file]] == []


def test_every_fault_has_its_test():
    lines = (ROOT / "docs" / "faults.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| fault |")]
    assert len(rows) >= 40
    assert [row for row in rows if not TEST.search(row) and "no test yet: " not in row] == []


def test_every_page_and_every_command_is_named():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [page.name for page in PAGES[2:] if f"(docs/{page.name})" not in readme] == []
    shown = {arguments[0] for page in PAGES for arguments in commands(page.read_text("utf-8"))}
    assert set(COMMANDS) - shown == set()
