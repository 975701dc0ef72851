"""The doctor is well where the patient is not."""

from __future__ import annotations

import json
import os

import pytest

from c4t_core.cli import main
from c4t_core.commands import doctor


@pytest.fixture
def quick(monkeypatch):
    """Try no package for real: that takes seconds. Returns what each attempt answers."""
    answers: dict[str, str | None] = {}

    def attempt(code, **variables):
        return next((answers[word] for word in answers if word in code), None)

    monkeypatch.setattr(doctor, "try_in_process", attempt)
    return answers


def findings(name, found):
    (one,) = [finding for finding in found if finding.name == name]
    return one


def test_qt_without_its_libraries_names_the_packages(quick, monkeypatch):
    quick["PySide6"] = "ImportError: libEGL.so.1: cannot open shared object file: No such file"
    monkeypatch.setattr(doctor, "_has_library", lambda soname: soname != "libEGL.so.1")
    qt = findings("Qt", doctor.examine())
    assert qt.state == "missing"
    assert qt.remedy == "on Debian and Ubuntu: sudo apt install libegl1"


def test_qt_that_crashes_is_installed_again(quick):
    quick["PySide6"] = "it crashed (signal 6)"
    qt = findings("Qt", doctor.examine())
    assert qt.state == "missing"
    assert "--force-reinstall" in qt.remedy


def test_without_pyside_the_command_line_still_works(quick):
    quick["PySide6"] = "ModuleNotFoundError: No module named 'PySide6'"
    assert "command line works without" in findings("Qt", doctor.examine()).remedy


@pytest.mark.parametrize(("compiler", "wanted"), [(None, "g++"), ("/usr/bin/g++", "hnswlib")])
def test_without_hnswlib_exact_search_serves(quick, monkeypatch, compiler, wanted):
    quick["hnswlib"] = "ModuleNotFoundError: No module named 'hnswlib'"
    monkeypatch.setattr(doctor.shutil, "which", lambda name: compiler)
    monkeypatch.setattr(doctor.platform, "system", lambda: "Linux")
    found = findings("hnswlib", doctor.examine())
    assert found.state == "note"
    assert "exact search serves" in found.value
    assert wanted in found.remedy


def test_a_data_folder_that_cannot_be_written(quick, monkeypatch, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("C4T_DATA_DIR", str(blocked))
    found = findings("data", doctor.examine())
    assert found.state == "missing"
    assert "C4T_DATA_DIR" in found.remedy


def test_a_broken_list_of_models_does_not_stop_the_rest(quick, monkeypatch):
    from c4t_core.models import registry

    def broken():
        raise ValueError("nothing fits")

    monkeypatch.setattr(registry, "list_models", broken)
    assert findings("models", doctor.examine()).state == "missing"


def test_a_process_of_its_own_reports_crashes_and_errors():
    assert doctor.try_in_process("pass") is None
    assert "signal 6" in (doctor.try_in_process("import os; os.abort()") or "")
    found = doctor.try_in_process("import no_such_thing_anywhere")
    assert found == "ModuleNotFoundError: No module named 'no_such_thing_anywhere'"


def test_a_process_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(doctor, "_PATIENCE", 0.2)
    assert "no answer" in (doctor.try_in_process("import time; time.sleep(30)") or "")


def test_plain_and_json_say_the_same(quick, capsys):
    quick["hnswlib"] = "ModuleNotFoundError: No module named 'hnswlib'"
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for finding in report["findings"]:
        assert finding["name"] in text
    assert report["ok"] == (not [f for f in report["findings"] if f["state"] == "missing"])


def test_sizes_count_files_once_and_follow_no_links(tmp_path):
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "a").write_bytes(b"x" * 1500)
    (tmp_path / "deep" / "deeper" / "b").write_bytes(b"x" * 500)
    os.symlink(tmp_path, tmp_path / "deep" / "loop")
    size = doctor.folder_size(tmp_path)
    assert 2000 <= size < 2200
    assert doctor.size_in_words(2_000) == "2.0 kB"
