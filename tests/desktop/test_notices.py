"""What the user has to know of the catalogue is shown until it is read."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QWidget

from c4t_core.errors import FolderError
from tests.helpers.fake_core import FakeWorkspace

NOTICE = 'The catalogue was damaged; it was set aside as "x".'


def test_a_notice_stays_until_it_is_closed(qtbot, core, open_window, frames):
    def damaged(*words, **options):
        made = FakeWorkspace(*words, **options)
        made.notices.append(NOTICE)
        return made

    core.workspace = damaged
    window = open_window(frames)
    library = window.desktop.context.library
    qtbot.waitUntil(
        lambda: library.opened_now is not None and not library.is_indexing, timeout=20_000
    )
    (box,) = window.findChildren(QMessageBox, "problemDialog")
    assert box.informativeText() == NOTICE
    box.close()


def test_a_notice_is_shown_where_opening_fails(qtbot, core, open_window, frames):
    core.fail_open = FolderError("The folder is not there.")
    core.fail_open.add_note(NOTICE)
    window = open_window(frames)
    page = window.findChild(QWidget, "emptyState")
    qtbot.waitUntil(lambda: NOTICE in page.page.sentence, timeout=20_000)
    assert "not there" in page.page.sentence
