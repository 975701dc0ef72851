"""The ``c4t`` command: finds the command asked for, loads only that, turns errors into sentences.

Exit codes: 0 success, 1 failure (one plain sentence on stderr), 2 wrong usage, 130 Ctrl+C.
``C4T_DEBUG=1`` shows tracebacks.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import NamedTuple, NoReturn, TextIO

from c4t_core import __version__
from c4t_core.errors import C4TError, Cancelled, MissingExtraError
from c4t_core.quiet import keep_caches_inside

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Command(NamedTuple):
    """A module of ``c4t_core.commands``: ``add_arguments(parser) -> None``, ``run(args) -> int``.

    Attributes:
        help: one line for ``c4t --help``.
        feature: how a sentence about it begins when packages are missing.
        extra: the extra that brings those packages.
        module: the module that has it under its name, where that is not a module of its own.
    """

    help: str
    feature: str = "This command"
    extra: str = "all"
    module: str = ""


COMMANDS: dict[str, Command] = {
    "index": Command("embed what is new or changed in folders of images"),
    "search": Command("find frames by describing them"),
    "drives": Command("list drives with their frames and times"),
    "embed": Command("write embeddings of images or texts to a file"),
    "caption": Command("make image-caption pairs from a data set's own labels"),
    "train": Command("train or fine-tune a model on pairs", "Training", "train"),
    "evaluate": Command("measure one or more models on pairs", "Evaluation"),
    "benchmark": Command("measure models on SearchAD, a public benchmark", "Evaluation"),
    "models": Command("list, add, describe or remove models"),
    "scenarios": Command("save searches, and count what is new among their matches"),
    "tag": Command("give tags to frames, take them away, or list them", module="userdata"),
    "userdata": Command("write your marks and saved searches to a text file, or read them"),
    "table": Command("look after shared tables of frames", "A shared table", "cluster"),
    "doctor": Command("show what is installed and what is missing"),
}


def build_parser(requested: str | None, *, alone: bool = False) -> argparse.ArgumentParser:
    """Return the parser; only the command ``requested`` is imported and fully described.

    Args:
        requested: a command's name; None for none.
        alone: leave out the others, where nobody will be told of them.

    Raises:
        MissingExtraError: if the command's packages are not installed.
    """
    parser = argparse.ArgumentParser(
        prog="c4t",
        description="Find driving situations in folders of camera frames by describing them. "
        "Everything stays on this machine.",
        epilog='Example: c4t index drives/ && c4t search drives/ "truck in snow"',
    )
    parser.add_argument("--version", action="version", version=f"c4t {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    known = {requested: COMMANDS[requested]} if alone and requested in COMMANDS else COMMANDS
    for name, command in known.items():
        described = subparsers.add_parser(name, help=command.help)
        if name == requested:
            load_command(name).add_arguments(described)
    return parser


def load_command(name: str) -> ModuleType | SimpleNamespace:
    """Import what has a command's functions: its module, or its part of one.

    Raises:
        MissingExtraError: if a package it needs is not installed.
    """
    command = COMMANDS[name]
    try:
        module = import_module(f"c4t_core.commands.{command.module or name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("c4t_core", ""):
            raise
        raise MissingExtraError(command.feature, command.extra) from error
    return getattr(module, name) if command.module else module


def main(argv: Sequence[str] | None = None, opened: list[object] | None = None) -> int:
    """Run the command line; return the exit code.

    Args:
        argv: the words after ``c4t``; None for those of this process.
        opened: what the command opened is added to it, and so outlives the command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _forgive_names(sys.stdout)
    _forgive_names(sys.stderr)
    keep_caches_inside()
    try:
        code = _run(words, [] if opened is None else opened)
        sys.stdout.flush()
    except BrokenPipeError:  # "| head" has seen enough
        _discard_stdout()
        return 0
    except (KeyboardInterrupt, Cancelled):
        if _debug():
            traceback.print_exc()
        return _fail(
            "Stopped. What is done is kept; the same command goes on from there.", INTERRUPTED
        )
    except C4TError as error:
        return _explained(error)
    except MemoryError as error:
        return _explained(error, "The memory is full; close other programs, then try again.")
    except OSError as error:
        return _explained(error, _about_file(error))
    except Exception as error:  # noqa: BLE001 - the last resort: a sentence, not a traceback
        return _explained(error, _about_bug(error))
    return code


def program() -> NoReturn:
    """Run the command line as a process of its own.

    Searching and indexing close what they opened before they return. Python would then take all
    apart piece by piece, which takes as long as importing numpy, and a network alone 15 ms; the
    system does it at once.
    """
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may follow
        _complete()
    opened: list[object] = []
    code = main(opened=opened)
    if sys.argv[1:2] in (["search"], ["index"]) and threading.active_count() == 1:
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run(words: Sequence[str], opened: list[object]) -> int:
    requested = next((word for word in words if not word.startswith("-")), None)
    arrange = getattr(load_command(requested), "arrange", None) if requested in COMMANDS else None
    parser = build_parser(requested, alone=words[:1] == [requested])
    args = parser.parse_args(words if arrange is None else arrange(words))
    args.opened = opened
    return int(load_command(args.command).run(args))


def _complete() -> None:
    """Tell the shell what may follow the words before its cursor; options, names, else files."""
    try:
        import argcomplete
    except ModuleNotFoundError:
        sys.exit(1)
    words = os.environ.get("COMP_LINE", "").split()[1:]
    requested = next((word for word in words if not word.startswith("-")), None)
    parser = build_parser(requested if requested in COMMANDS else None)
    _name(parser)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _name(parser: argparse.ArgumentParser) -> None:
    """Give the options and arguments that are names what tells these."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                _name(below)
        elif action.dest == "model":
            action.completer = _models  # type: ignore[attr-defined]
        elif action.metavar == "NAME" and parser.prog.startswith("c4t scenarios "):
            action.completer = _scenarios  # type: ignore[attr-defined]


def _models(**_: object) -> list[str]:
    from c4t_core.models.registry import list_models

    return [info.name for info in list_models()]


def _scenarios(**_: object) -> list[str]:
    from c4t_core.index.store.user_data import UserData

    with contextlib.closing(UserData()) as data:
        return [scenario.name for scenario in data.scenarios()]


def _debug() -> bool:
    return os.environ.get("C4T_DEBUG", "") not in ("", "0")


def _explained(error: BaseException, sentence: str | None = None) -> int:
    if _debug():
        traceback.print_exception(error)
    for note in getattr(error, "__notes__", ()) if isinstance(error, C4TError) else ():
        print(note, file=sys.stderr)
    return _fail(sentence if sentence is not None else str(error), 1)


def _fail(sentence: str, code: int) -> int:
    # One line, whatever names the sentence holds, and a whole sentence.
    line = " ".join(sentence.split())
    print(f"c4t: {line}{'' if line.endswith(('.', '!', '?')) else '.'}", file=sys.stderr)
    return code


def _about_file(error: OSError) -> str:
    what = error.strerror or str(error)
    if error.filename is None:
        return f"{what}. Check the disk and its permissions, then try again."
    return f'"{os.fsdecode(error.filename)}": {what}. Check the path and its permissions.'


def _about_bug(error: Exception) -> str:
    from c4t_core.paths import log_dir

    kept = ""
    with contextlib.suppress(OSError):
        log = log_dir() / "c4t.log"
        with log.open("a", encoding="utf-8", errors="backslashreplace") as out:
            traceback.print_exception(error, file=out)
        kept = f"; details are in {log}"
    kind = type(error).__name__
    return f"Something went wrong inside C4T ({kind}: {error}){kept}; please report it."


def _forgive_names(stream: TextIO) -> None:
    """Let file names that are not valid text pass as the bytes they are."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return
    utf8 = (getattr(stream, "encoding", "") or "").lower().replace("-", "") == "utf8"
    reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")


def _discard_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush does not complain."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
