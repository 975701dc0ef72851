"""What the desktop does for the window: its file manager, its notifications."""

from __future__ import annotations

import logging
import sys
from html import escape
from pathlib import Path

from PySide6.QtCore import Q_ARG, QMetaObject, QObject, QProcess, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from c4t_desktop.jobs.runner import Job, JobRunner, ignore

LOG = logging.getLogger(__name__)
_PROGRAMS = {"win32": ("explorer", "/select,"), "darwin": ("open", "-R")}
_NAME = "CLIP4Traffic"
_BUS = "org.freedesktop.Notifications"
_BUS_WAITS = 2000  # ms for an answer of whoever shows notifications
_SHOWN = 10_000  # ms that the icon of a message stays where there is no such bus


def reveal(file: Path) -> bool:
    """Show a file in the file manager; False where no program is known that does that."""
    program = _PROGRAMS.get(sys.platform)
    if program is not None:
        QProcess.startDetached(program[0], [program[1], str(file)])
    return program is not None


def in_front() -> bool:
    """Whether one of our windows has the keyboard."""
    return QGuiApplication.focusWindow() is not None


def notify(runner: JobRunner, sentence: str, owner: QObject) -> None:
    """Show a notification, by the session's bus where there is one, and ask for attention.

    A bus may take its time, so it is asked on a thread of the runner's.
    """
    for window in QGuiApplication.topLevelWindows():
        if window.isVisible():
            window.alert(0)

    def shown(by_bus: bool) -> None:
        if not by_bus:
            _by_tray(sentence, owner)

    work = _by_bus if sys.platform.startswith("linux") else _without_bus
    runner.submit(
        lambda job: work(job, sentence), lane="notices", done=shown, failed=ignore, owner=owner
    )


def _without_bus(_: Job, __: str) -> bool:
    return False


def _by_bus(_: Job, sentence: str) -> bool:
    """Ask whoever shows notifications in this session; False if there is nobody."""
    from PySide6.QtDBus import QDBusConnection, QDBusInterface

    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False
    there = QDBusInterface(_BUS, "/" + _BUS.replace(".", "/"), _BUS, bus)
    if not there.isValid():
        return False
    there.setTimeout(_BUS_WAITS)
    plain, icon, replaces, lasts = escape(sentence, quote=False), "c4t-desktop", 0, -1
    # By the types that the interface names: a plain call would send a signed number for "replaces".
    arguments = (
        Q_ARG(str, _NAME), Q_ARG("uint", replaces), Q_ARG(str, icon), Q_ARG(str, _NAME),
        Q_ARG(str, plain), Q_ARG("QStringList", []), Q_ARG("QVariantMap", {}), Q_ARG(int, lasts),
    )  # fmt: skip
    direct = Qt.ConnectionType.DirectConnection
    return bool(QMetaObject.invokeMethod(there, "Notify", direct, *arguments))


def _by_tray(sentence: str, owner: QObject) -> None:
    """Show a message at an icon that goes with it."""
    if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
        LOG.info("no notification can be shown: %s", sentence)
        return
    icon = QSystemTrayIcon(QApplication.windowIcon(), owner)
    icon.show()
    icon.showMessage(_NAME, sentence, QApplication.windowIcon(), _SHOWN)
    QTimer.singleShot(_SHOWN, icon.deleteLater)
