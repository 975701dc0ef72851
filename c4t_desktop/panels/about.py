"""What this is, which versions, under which terms."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt, Slot, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from c4t_core import __version__, paths
from c4t_desktop.messages import plain_label
from c4t_desktop.theme import Theme

_PACKAGES = (
    "PySide6-Essentials",
    "numpy",
    "pillow",
    "onnxruntime",
    "tokenizers",
    "hnswlib",
    "torch",
    "open_clip_torch",
)


def versions() -> str:
    """Return the versions of what is installed, one a line."""
    lines = [
        f"CLIP4Traffic {__version__}",
        f"Python {platform.python_version()}",
        f"Qt {qVersion()}",
        platform.platform(),
    ]
    for name in _PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} -")
    lines.append(str(paths.data_dir()))
    return "\n".join(lines)


def licences() -> str:
    """Return the terms of what ships: model card, fonts, libraries."""
    parts = []
    for where in (("models", "lite", "model_card.md"), ("sample", "drives", "README.txt")):
        try:
            parts.append(paths.resource(*where).read_text("utf-8").strip())
        except (FileNotFoundError, OSError):
            continue
    try:
        folder = paths.resource("licences")
        parts.extend(file.read_text("utf-8").strip() for file in sorted(folder.glob("*.txt")))
    except (FileNotFoundError, OSError):
        pass
    return ("\n\n" + "─" * 40 + "\n\n").join(parts)


class AboutDialog(QDialog):
    """Says what this is."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Gather versions and terms."""
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle(self.tr("About CLIP4Traffic"))
        px = theme.px
        self.resize(px(620), px(500))
        logo = QLabel()
        logo.setPixmap(theme.pixmap("app", 56))
        title = plain_label(f"CLIP4Traffic {__version__}")
        title.setProperty("kind", "title")
        what = plain_label(
            self.tr(
                "Finds driving situations in folders of camera frames by describing them. "
                "Everything happens on this machine. The application is under the MIT licence; "
                "the images its model learned from are for research only or of unknown terms, "
                "as the model card below says."
            ),
            wrap=True,
        )
        what.setProperty("kind", "muted")
        beside = QVBoxLayout()
        beside.addWidget(title)
        beside.addWidget(what)
        head = QHBoxLayout()
        head.setSpacing(px(16))
        head.addWidget(logo, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(beside, 1)
        tabs = QTabWidget()
        tabs.setDocumentMode(True)
        tabs.addTab(_page(versions(), self.tr("Versions")), self.tr("Versions"))
        tabs.addTab(_page(licences(), self.tr("Licences")), self.tr("Model and licences"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = QPushButton(self.tr("Copy versions"))
        theme.dress(copy, "copy")
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self._copy)
        for button in buttons.findChildren(QPushButton):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(24), px(24), px(16))
        column.setSpacing(px(16))
        column.addLayout(head)
        column.addWidget(tabs, 1)
        column.addWidget(buttons)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(versions())


def _page(text: str, name: str) -> QPlainTextEdit:
    page = QPlainTextEdit()
    page.setReadOnly(True)
    page.setPlainText(text)
    page.setAccessibleName(name)
    page.setTabChangesFocus(True)
    return page
