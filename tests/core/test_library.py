"""The library as somebody meets it: ``dir``, ``help``, hits in a notebook and as a data frame."""

from __future__ import annotations

import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import c4t_core
from c4t_core.index.exports import Hits
from c4t_core.index.query import Hit

NAMED = [
    "open_workspace", "Workspace", "Hit", "Query", "parse_query", "Filters", "load_model",
    "list_models", "Model", "embed_images", "parse_frame_name", "read_pairs", "split_by_drive",
    "make_pairs", "evaluate", "EvaluationRequest", "train", "TrainingRequest", "C4TError",
]  # fmt: skip


def test_every_public_name_is_there_and_listed():
    assert set(NAMED) <= set(c4t_core.__all__) <= set(dir(c4t_core))
    for name in c4t_core.__all__:
        assert getattr(c4t_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        c4t_core.nothing  # noqa: B018


def test_help_opens_with_lines_to_paste_then_the_names():
    text = pydoc.render_doc(c4t_core, renderer=pydoc.plaintext)
    opening = text[: text.index("PACKAGE CONTENTS")].splitlines()
    assert sum(line.strip().startswith(">>>") for line in opening) == 10
    for name in NAMED:
        assert re.search(rf"\b{name}\b", text), name
    assert text.index(">>> import c4t_core") < text.index("class Workspace")


def test_listing_the_names_loads_nothing_heavy():
    code = (
        "import sys, c4t_core; dir(c4t_core); "
        "print([m for m in ('torch', 'numpy', 'onnxruntime', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def hits(tmp_path: Path) -> Hits:
    folder = tmp_path / "a<b>"
    folder.mkdir()
    Image.new("RGB", (640, 400), (200, 30, 30)).save(folder / "one.png")
    names = ["one.png", "gone.png", *(f"more{number}.png" for number in range(30))]
    return Hits(
        Hit(folder / name, 0.5, rank, tmp_path, f"a<b>/{name}", "a", frame=rank, time=1.5e9)
        for rank, name in enumerate(names, 1)
    )


def test_hits_show_themselves_in_a_notebook(hits):
    page = hits._repr_html_()
    assert page.count("<tr>") == 25
    assert "data:image/jpeg;base64," in page
    assert "a&lt;b&gt;/one.png" in page
    assert "<b>" not in page
    assert "and 8 more" in page
    assert "gone.png" in page  # and says why it shows nothing
    assert isinstance(hits[:2], Hits)
    assert isinstance(hits[0], Hit)


def test_hits_become_a_data_frame(hits):
    pytest.importorskip("pandas")
    table = hits.to_pandas()
    known = ["rank", "score", "path", "drive", "camera", "frame", "time"]
    assert list(table.columns) == [*known, "mark", "tags", "event"]
    assert table["path"][0] == str(hits[0].path)
    assert table["time"][0].isoformat() == "2017-07-14T02:40:00+00:00"
    assert len(Hits().to_pandas()) == 0


def test_without_pandas_the_remedy_is_named(hits, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(c4t_core.C4TError, match="pip install pandas"):
        hits.to_pandas()
