"""An index that could be made anew with a faster network says so, and is made anew when asked."""

from __future__ import annotations

import dataclasses

from PySide6.QtWidgets import QMessageBox

from tests.helpers.window import busy, until


def slower(core):
    status = core.last.status()
    folders = tuple(
        dataclasses.replace(f, graph="plain", best_graph="int8") for f in status.folders
    )
    return dataclasses.replace(status, folders=folders)


def test_an_index_can_be_made_anew_where_that_is_faster(qtbot, open_window, core, frames):
    window = open_window(frames)
    until(qtbot, lambda: core.opened and core.last.runs == 1 and not busy(window))
    action = window.action("reindexAction")
    assert not action.isVisible()  # it has the fastest already
    library = window.desktop.context.library
    library.status_changed.emit(slower(core))
    assert action.isVisible()
    runs = core.last.runs

    action.trigger()
    until(qtbot, lambda: window.findChild(QMessageBox, "reindexDialog") is not None)
    box = window.findChild(QMessageBox, "reindexDialog")
    assert f"{core.last.status().embedded} frames" in box.informativeText()
    box.button(QMessageBox.StandardButton.Cancel).click()
    until(qtbot, lambda: window.findChild(QMessageBox, "reindexDialog") is None)
    assert core.last.runs == runs

    action.trigger()
    until(qtbot, lambda: window.findChild(QMessageBox, "reindexDialog") is not None)
    box = window.findChild(QMessageBox, "reindexDialog")
    next(b for b in box.buttons() if b.text() == "Index again").click()
    until(qtbot, lambda: core.last.runs == runs + 1 and not busy(window))
    assert core.last.reindexed
    assert not action.isVisible()  # the status told so

    library.index()
    until(qtbot, lambda: core.last.runs == runs + 2 and not busy(window))
    assert not core.last.reindexed
