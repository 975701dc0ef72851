"""The window in German: every text is there, fits its placeholders, and is shown."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QSettings
from PySide6.QtWidgets import QPushButton

import c4t_core
import c4t_desktop
from c4t_core import paths
from c4t_desktop import messages
from c4t_desktop.messages import said, use_language
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


def test_names_are_quoted_as_the_language_does_it(qapp):
    assert messages.quoted("rain") == "“rain”"
    use_language("de")
    assert messages.quoted("rain") == "„rain“"
    code = "".join(
        file.read_text("utf-8") for file in Path(c4t_desktop.__file__).parent.rglob("*.py")
    )
    assert not re.findall('f"[^"\n]*“', code), "use messages.quoted"


def test_new_texts_are_found_wherever_they_stand(tmp_path):
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


_FILLED = ("7", "are", "line", "; 7")  # what the core may fill in
_NOT_HERE = (  # what only the command line meets, parts of sentences, and names of rare kinds
    '"7" is no condition',
    '"7" is no date',
    "crossing sign|",
    "speed limit|",
    "The only query has no",
    "None of the 7 ",
    "7 relevant image among",
    "7, which no labels are",
    "7, which is not read",
    "A submission ranks every",
    "The test split has no labels",
    "In vision mode the images",
    "To make queries from scenes",
    "To evaluate only your own",
)
_CORE = Path(c4t_core.__file__).parent
_TOLD = (
    "evaluation/request.py",
    "evaluation/evaluate.py",
    "evaluation/searchad/benchmark.py",
    "evaluation/searchad/contents.py",
    "datasets/tables/cells.py",
    "datasets/tables/records.py",
    "datasets/tables/separated.py",
    "images/lookup.py",
    "images/decode.py",
    "index/objects.py",
    "index/query.py",
)


def sentences(path):
    """Return what a module may say in four words and more, in parts; None is what it fills in."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    found = []
    for node in ast.walk(tree):
        if id(node) in parts or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        pieces = [node]
        if isinstance(node, ast.JoinedStr):
            pieces = node.values
            parts.update(id(piece) for piece in ast.walk(node))
        texts = [str(piece.value) if isinstance(piece, ast.Constant) else None for piece in pieces]
        if len("".join(text or "7" for text in texts).split()) > 3:
            found.append(texts)
    return found


@pytest.mark.parametrize("module", _TOLD)
def test_what_the_core_says_of_an_evaluation_has_a_german_form(qapp, module):
    use_language("de")
    silent = []
    for texts in sentences(_CORE / module):
        tries = ["".join(word if text is None else text for text in texts) for word in _FILLED]
        if not tries[0].startswith(_NOT_HERE) and all(said(text) == text for text in tries):
            silent.append(tries[0])
    assert not silent


@pytest.mark.parametrize(
    ("sentence", "german"),
    [
        (
            "pairs.csv, line 3: the image a, b.png is missing",
            "pairs.csv, Zeile 3: das Bild a, b.png fehlt",
        ),
        (
            "None of the 3 images can be read, the first because: damaged (too short); check the "
            "images' folder.",
            "Keines der 3 Bilder lässt sich lesen, das erste, weil: beschädigt (too short); den "
            "Ordner der Bilder prüfen.",
        ),
        (
            "/p.csv holds no usable pair (line 2: there is no image; line 3: the caption is "
            "empty); mend these lines or check that /p is the folder of the images",
            "/p.csv enthält kein brauchbares Paar (Zeile 2: es gibt kein Bild; Zeile 3: der "
            "Bildtext ist leer); diese Zeilen berichtigen oder prüfen, ob /p der Ordner der Bilder "
            "ist",
        ),
        ("what nobody knows {0}", "what nobody knows {0}"),
    ],
)
def test_a_sentence_of_the_core_is_said_in_german_with_what_it_holds(qapp, sentence, german):
    assert said(sentence) == sentence  # English stays as the core said it
    use_language("de")
    assert said(sentence) == german
