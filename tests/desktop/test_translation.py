"""The window in German: every text is there, fits its placeholders, and is shown."""

from __future__ import annotations

import string

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QSettings
from PySide6.QtWidgets import QPushButton

from c4t_core import paths
from c4t_desktop.messages import use_language
from scripts import translate


@pytest.fixture(autouse=True)
def english_again():
    before = QLocale()
    yield
    use_language("en")
    QLocale.setDefault(before)


def test_every_text_of_the_window_has_a_german_one():
    assert not translate.untranslated(), "run: make translations"


def test_no_german_text_is_left_over():
    assert set(translate.read()) == set(translate.collect())


def fields(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("known", [translate.read()], ids=["c4t_de.ts"])
def test_placeholders_are_the_same(known):
    wrong = {source for (_, source), german in known.items() if fields(source) != fields(german)}
    assert not wrong


def test_the_compiled_file_is_the_one_of_the_texts(qapp):
    use_language("de")
    wrong = {
        source
        for (context, source), german in translate.read().items()
        if QCoreApplication.translate(context, source) != german
    }
    assert not wrong, "run: make translations"


def test_new_texts_are_found_wherever_they_stand(tmp_path):
    import ast

    code = """
def _tr(text):
    return QCoreApplication.translate("Pages", text)
class A:
    def f(self):
        tr = self.tr
        _tr("one" "half"); self.tr("two" if x else "three"); tr("four")
        QCoreApplication.translate("C", "five"); tr_noop("D", "six")
"""
    found = set(translate.texts_of(ast.parse(code)))
    assert found >= {
        ("Pages", "onehalf"), ("A", "two"), ("A", "three"), ("A", "four"), ("C", "five"),
        ("D", "six"),
    }  # fmt: skip


def test_a_text_without_german_is_reported(tmp_path):
    place = tmp_path / "c4t_de.ts"
    missing = translate.write([("A", "new"), ("B", "old")], {("C", "old"): "alt"}, place)
    assert missing == [("A", "new")]
    assert translate.read(place) == {("B", "old"): "alt"}


def test_the_window_speaks_the_language_that_is_set(qtbot, open_window, core, frames):
    file = paths.data_dir() / "settings.ini"
    kept = QSettings(str(file), QSettings.Format.IniFormat)
    window = open_window(frames)
    from c4t_desktop.settings import LANGUAGE

    assert window.action("evaluateAction").text() == "Evaluate"
    window.desktop.settings.set(LANGUAGE, "de")
    window.close()
    window.desktop.shutdown()
    german = open_window(frames)
    assert german.action("evaluateAction").text() == "Bewerten"
    german.action("exportAction").trigger()
    button = german.findChild(QPushButton, "exportButton")
    assert button.text() == "Exportieren …"
    del kept
