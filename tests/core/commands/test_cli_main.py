"""The c4t command itself: choosing commands, exit codes, sentences instead of tracebacks."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import types
from contextlib import closing

import pytest

from c4t_core import __version__, cli
from c4t_core.errors import C4TError, Cancelled, MissingExtraError
from c4t_core.index.store.user_data import Scenario, UserData


def pretend(monkeypatch, behaviour, name="doctor"):
    """Put a command in place that does something odd."""
    module = types.ModuleType("pretended")

    def add_arguments(parser):
        pass

    def run(args):
        return behaviour()

    module.add_arguments, module.run = add_arguments, run
    monkeypatch.setattr(cli, "load_command", lambda wanted: module)


def raising(error):
    def behaviour():
        raise error

    return behaviour


def stderr_line(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    return lines[0]


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert name in out
        assert command.help in out or name in ("index", "search")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name, capsys):
    try:
        cli.load_command(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{name} is not there yet: {error}")
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: c4t {name}")
    assert len(out) > 200


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"c4t {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["serach", "x"],
        ["search"],
        ["search", "folder"],
        ["index"],
        ["search", "folder", "snow", "-k", "0"],
        ["search", "folder", "snow", "--bogus"],
        ["embed", "images", "folder"],
        ["embed", "sounds", "folder", "-o", "x.npz"],
    ],
)
def test_wrong_usage_is_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert "usage: c4t" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [".", ""])
def test_an_error_is_one_sentence_with_a_full_stop(monkeypatch, capsys, stop):
    pretend(monkeypatch, raising(C4TError(f"The folder\n is  full; empty it{stop}")))
    assert cli.main(["doctor"]) == 1
    assert stderr_line(capsys) == "c4t: The folder is full; empty it."


def test_debug_shows_the_traceback(monkeypatch, capsys):
    monkeypatch.setenv("C4T_DEBUG", "1")
    pretend(monkeypatch, raising(C4TError("The folder is full; empty it.")))
    assert cli.main(["doctor"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("c4t: The folder is full; empty it.\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Cancelled()])
def test_an_interrupt_says_that_it_goes_on_later(monkeypatch, capsys, error):
    pretend(monkeypatch, raising(error))
    assert cli.main(["doctor"]) == 130
    assert "goes on from there" in stderr_line(capsys)


def test_a_full_disk_is_named(monkeypatch, capsys):
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x.sqlite")
    pretend(monkeypatch, raising(error))
    assert cli.main(["doctor"]) == 1
    line = stderr_line(capsys)
    assert "/data/x.sqlite" in line
    assert "No space left" in line


def test_a_bug_of_ours_is_logged_not_shown(monkeypatch, capsys, data_dir):
    pretend(monkeypatch, raising(ZeroDivisionError("division by zero")))
    assert cli.main(["doctor"]) == 1
    line = stderr_line(capsys)
    assert "ZeroDivisionError" in line
    log = data_dir / "logs" / "c4t.log"
    assert str(log) in line
    assert "raise error" in log.read_text()


def test_a_missing_package_names_its_extra(monkeypatch):
    def no_torch(module):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli, "import_module", no_torch)
    with pytest.raises(MissingExtraError) as found:
        cli.load_command("train")
    assert found.value.extra == "train"
    assert 'pip install "c4t-desktop[train]"' in str(found.value)


def test_a_missing_module_of_ours_is_a_bug(monkeypatch):
    def no_module(module):
        raise ModuleNotFoundError("No module named 'c4t_core.x'", name="c4t_core.x")

    monkeypatch.setattr(cli, "import_module", no_module)
    with pytest.raises(ModuleNotFoundError):
        cli.load_command("train")


def c4t(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "c4t_core", *words], capture_output=True, timeout=60, **options
    )


def test_a_closed_pipe_is_no_error(tmp_path):
    # The reader goes away before the first line, as "| head" does when it has seen enough.
    code = (
        "import sys, types, time; from c4t_core import cli\n"
        "m = types.ModuleType('m'); m.add_arguments = lambda parser: None\n"
        "def run(args):\n"
        "    sys.stdin.read()\n"
        "    print('x' * 1_000_000); return 0\n"
        "m.run = run; cli.load_command = lambda name: m\n"
        "sys.exit(cli.main(['doctor']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    process.stdin.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert err == b""


def test_names_that_are_no_text_reach_stdout_as_bytes():
    code = (
        "import os, types, sys; from c4t_core import cli\n"
        "m = types.ModuleType('m'); m.add_arguments = lambda parser: None\n"
        "m.run = lambda args: print(os.fsdecode(b'\\xff.png')) or 0\n"
        "cli.load_command = lambda name: m\n"
        "sys.exit(cli.main(['doctor']))\n"
    )
    for encoding, wanted in (("utf-8", b"\xff.png\n"), ("ascii", b"\\udcff.png\n")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            timeout=60,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            check=True,
        )
        assert done.stdout == wanted


def test_doctor_runs_as_a_module():
    done = c4t("doctor", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {"C4T", "Python", "hnswlib", "CPU"} <= {f["name"] for f in report["findings"]}


def test_a_shell_completes_commands_options_and_names(data_dir, tmp_path):
    pytest.importorskip("argcomplete")
    with closing(UserData()) as data:
        data.save_scenario(Scenario("winter", "snow"))

    def completed(line):
        told = tmp_path / "told"
        wanted = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
        wanted |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(told), "_ARGCOMPLETE_IFS": "|"}
        code = "from c4t_core.cli import program; program()"
        environment = {**os.environ, **wanted}
        subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=True)
        return {word.strip() for word in told.read_text().split("|")}

    assert "search" in completed("c4t sea")
    assert {"--since", "--fold"} <= completed("c4t search drives --")
    assert "c4t" in completed("c4t search drives snow --model ")
    assert "winter" in completed("c4t scenarios run drives wi")


def test_completion_is_loaded_by_a_shell_alone():
    code = "import sys, c4t_core.cli; print('argcomplete' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert done.stdout.strip() == b"False"
