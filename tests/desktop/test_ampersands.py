"""An ampersand in a name is shown as it is: Qt takes it for the key of a button or menu."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QLabel, QTabBar

from c4t_desktop.messages import button_text
from tests.helpers.fake_core import make_frames

PACKAGE = Path(__file__).parents[2] / "c4t_desktop"
SHOWING = {
    *("QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "QGroupBox", "QAction", "QMenu"),
    *("push_button", "addAction", "addTab", "setTabText", "addMenu", "addButton", "setTitle"),
}
OF_THE_USER = ("title_of(", "shown(", "folder_name(", "folders_title(", ".name)", ".stem)")


def test_names_of_all_kinds(qtbot, core, open_window, tmp_path):
    name = "Night & fog &c"
    make_frames(tmp_path / name, 3)
    core.models += (replace(core.models[0], name=f"c4t:{name}"),)
    window = open_window(tmp_path / name)
    library = window.desktop.context.library
    qtbot.waitUntil(
        lambda: library.opened_now is not None and not library.is_indexing, timeout=20_000
    )
    window.desktop.settings.add_recent((str(tmp_path / "Day & sun"),))
    library.list_models()
    qtbot.waitUntil(lambda: len(library.models) == len(core.models), timeout=20_000)
    window.action("evaluateAction").trigger()

    def texts() -> list[str]:
        found = [button.text() for button in window.findChildren(QAbstractButton)]
        found += [action.text() for action in window.findChildren(QAction)]
        for bar in window.findChildren(QTabBar):
            found += [bar.tabText(number) for number in range(bar.count())]
        return [text for text in found if "fog" in text]

    qtbot.waitUntil(lambda: len(texts()) >= 2, timeout=20_000)
    assert {text.replace("&&", "&") for text in texts()} == {name}
    assert all(QKeySequence.mnemonic(text).isEmpty() for text in texts())
    assert all(text == button_text(name) for text in texts())
    labels = [label for label in window.findChildren(QLabel) if "fog" in label.text()]
    assert labels
    assert all("&&" not in label.text() and label.buddy() is None for label in labels)


def test_every_button_with_a_name_of_the_users_is_asked_for():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            asked = ast.unparse(call.func).rpartition(".")[2] in SHOWING
            text = ast.unparse(call.args[-1] if "Tab" in ast.unparse(call.func) else call.args[0])
            if asked and any(part in text for part in OF_THE_USER) and "button_text" not in text:
                found.append(f"{path.name}:{call.lineno}: {text}")
    assert found == []
