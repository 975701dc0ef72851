"""What the user has to know of the catalogue is shown until it is read."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from PySide6.QtWidgets import QMessageBox, QWidget

from c4t_core.errors import FolderError
from c4t_desktop.jobs import desktop
from c4t_desktop.services import watching
from c4t_desktop.settings import TELL
from tests.helpers.fake_core import FakeWorkspace
from tests.helpers.window import busy, until

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


@pytest.fixture
def told(monkeypatch):
    """What the desktop is asked to show, with no window in front."""
    sentences = []
    monkeypatch.setattr(desktop, "in_front", lambda: False)
    monkeypatch.setattr(desktop, "notify", lambda _, sentence, __: sentences.append(sentence))
    return sentences


def test_the_end_of_long_work_is_told_to_who_looks_elsewhere(
    qtbot, window, core, frames, told, monkeypatch
):
    def index_again():
        core.last.embedded = 0
        window.folder_commands.index()
        until(qtbot, lambda: core.last.embedded == 12 and not busy(window))

    until(qtbot, lambda: not busy(window))
    index_again()
    assert not told  # it was short
    monkeypatch.setattr(watching, "LONG", 0.0)
    index_again()
    assert told == ["12 frames were added to drive one."]
    monkeypatch.setattr(desktop, "in_front", lambda: True)
    index_again()
    monkeypatch.setattr(desktop, "in_front", lambda: False)
    window.desktop.settings.set(TELL, False)
    index_again()
    window.desktop.settings.set(TELL, True)
    core.last.step, core.last.embedded = 0.05, 0
    window.folder_commands.index()
    until(qtbot, lambda: core.last.embedded > 0)
    window.desktop.context.library.stop_index()
    until(qtbot, lambda: not busy(window))
    assert len(told) == 1
    core.last.fail = FolderError("The disk is full.")
    core.last.embedded = 0
    window.folder_commands.index()
    until(qtbot, lambda: len(told) == 2)
    assert told[1] == "The disk is full."


_SHOWS = """
from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, Slot
from PySide6.QtDBus import QDBusConnection

@ClassInfo({"D-Bus Interface": "org.freedesktop.Notifications"})
class Notifications(QObject):
    @Slot(str, "uint", str, str, str, "QStringList", "QVariantMap", int, result="uint")
    def Notify(self, *shown):
        print("shown", shown[0], shown[4], flush=True)
        app.quit()
        return 1

app = QCoreApplication([])
bus, made = QDBusConnection.sessionBus(), Notifications()
every = QDBusConnection.RegisterOption.ExportAllSlots
bus.registerObject("/org/freedesktop/Notifications", made, every)
bus.registerService("org.freedesktop.Notifications")
print("ready", flush=True)
app.exec()
"""
_ASKS = """
import subprocess, sys
from PySide6.QtCore import QCoreApplication
from c4t_desktop.jobs.desktop import _by_bus

app = QCoreApplication([])
print(_by_bus(None, "Unheard."))
with subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=-1, text=True) as shows:
    shows.stdout.readline()
    print(_by_bus(None, "12 frames <b>& more</b>."))
    print(shows.stdout.read())
"""


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="needs a bus of its own")
def test_a_notification_goes_by_the_bus_of_the_session():
    asked = ["dbus-run-session", "--", sys.executable, "-c", _ASKS, _SHOWS]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True)
    shown = "shown CLIP4Traffic 12 frames &lt;b&gt;&amp; more&lt;/b&gt;."  # it may hold markup
    assert done.stdout.splitlines()[:3] == ["False", "True", shown]
