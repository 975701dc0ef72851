"""Texts longer than a model reads: the part that is read is known and told wherever texts go in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from c4t_core.cli import main
from c4t_core.models.protocol import CutText, cut_texts
from c4t_core.training.data import load_data
from c4t_core.training.request import TrainingRequest
from c4t_core.workspace import open_workspace
from tests.helpers.toy_model import ToyModel

LONG = ", ".join(["a road with parked cars, trees and low sun"] * 30)


def test_the_part_that_is_read_is_what_the_model_embeds(tiny_model: Any) -> None:
    texts = ["a car", f"{LONG}, then snow", LONG, "a car"]
    cut = cut_texts(tiny_model, texts)
    assert [one.index for one in cut] == [1, 2]
    assert all(one.text.startswith(one.read) and len(one.read) < len(one.text) for one in cut)
    rows = tiny_model.encode_texts([cut[0].text, cut[0].read, cut[0].read[: len(cut[0].read) // 2]])
    assert np.allclose(rows[0], rows[1], atol=1e-6)
    assert not np.allclose(rows[0], rows[2], atol=1e-6)


def test_the_last_token_that_fits_is_not_called_cut(tiny_model: Any) -> None:
    most = tiny_model.tokens.max_length - 2  # besides the two special ones
    texts = ["car " * most, "car " * most + "car", "car " * most + ".", "\ud800 " + "car " * 99]
    assert [one.index for one in cut_texts(tiny_model, texts)] == [1, 3]
    many = cut_texts(tiny_model, texts * 10)  # enough for the tokenizer's own threads
    assert [one.index for one in many] == [n for n in range(40) if n % 4 in (1, 3)]


def test_of_a_model_that_tells_no_length_nothing_is_said() -> None:
    assert cut_texts(ToyModel(), [LONG]) == []


def test_the_end_is_short_and_whole_where_it_is_short() -> None:
    assert CutText(0, "a b c", "a b").end == "a b"
    assert CutText(0, LONG, LONG[:200]).end.startswith("… ")
    assert len(CutText(0, "x" * 900, "x" * 800).end) <= 62


def _pairs(folder: Path, captions: list[str]) -> Path:
    rows = ["image,caption"]
    for number, caption in enumerate(captions):
        Image.new("RGB", (16, 16), (20 * number, 90, 90)).save(folder / f"{number}.png")
        rows.append(f'{number}.png,"{caption}"')
    path = folder / "pairs.csv"
    path.write_text("\n".join(rows), "utf-8")
    return path


@pytest.mark.parametrize("how", [{}, {"base": "tiny"}, {"preset": "reference"}])
def test_captions_beyond_the_length_are_told_with_their_lines(
    tmp_path: Path, how: dict[str, str], tiny_model_folder: Path
) -> None:
    captions = ["a car", *(f"{LONG}, number {n}" for n in range(7)), "a truck", f"snow, {LONG}"]
    if "base" in how:
        how = {"base": str(tiny_model_folder)}
    pairs = _pairs(tmp_path, captions)
    warnings = load_data(TrainingRequest(pairs, tmp_path / "run", **how)).warnings
    (said,) = [warning for warning in warnings if "longer than the model reads" in warning]
    assert said.startswith("8 of 10 captions")
    assert "(lines 3, 4, 5, 6, 7 and 3 more): line 3 is read up to" in said
    assert "7 of them differ only there" in said


def test_short_captions_and_models_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    pairs = _pairs(tmp_path, ["a car", "a truck", LONG])
    request = TrainingRequest(pairs, tmp_path / "run", base="c4t:not-there")
    assert not any("longer" in warning for warning in load_data(request).warnings)
    (tmp_path / "pairs.csv").write_text("image,caption\n0.png,a car\n1.png,a truck\n", "utf-8")
    request = TrainingRequest(pairs, tmp_path / "run")
    assert not any("longer" in warning for warning in load_data(request).warnings)


def test_embedding_texts_says_what_is_left_out(
    tmp_path: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "out.npz"
    command = ["embed", "texts", str(texts), "-o", str(out), "--model", str(tiny_model_folder)]
    texts.write_text(f"a car\n{LONG}\n{LONG} and snow\n", "utf-8")
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "2 of 3 texts are longer than the model reads" in said
    assert 'is read up to "' in said
    texts.write_text("a car\na truck\n", "utf-8")
    assert main(command) == 0
    assert "longer" not in capsys.readouterr().err


@pytest.mark.long
def test_an_evaluation_says_which_queries_are_not_read_whole(
    tmp_path: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = _pairs(tmp_path, ["a car", "a truck"])
    queries = tmp_path / "queries.csv"
    queries.write_text(
        f'query,image\na car,0.png\n"{LONG}",1.png\n"snow + {LONG}",1.png\n', "utf-8"
    )
    model = str(tiny_model_folder)
    command = ["evaluate", str(pairs), "--queries", str(queries), "--model", model]
    assert main([*command, "--output", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().err
    assert re.search(r"2 of \d+ queries are longer than", said)
    queries.write_text("query,image\na car,0.png\na truck,1.png\n", "utf-8")
    assert main([*command, "--output", str(tmp_path / "other")]) == 0
    assert "longer than" not in capsys.readouterr().err


def test_a_search_says_what_of_the_query_is_left_out(
    tmp_path: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _pairs(tmp_path, ["a car", "a truck"])
    model = str(tiny_model_folder)
    with open_workspace(tmp_path, model) as workspace:
        workspace.index()
        assert workspace.search("a car").notes == ()
        (note,) = workspace.search(f"snow + {LONG}").notes
        assert workspace.search(f"snow + {LONG}").notes == (note,)  # of a direction remembered
    assert "longer than the model reads" in note
    assert "sun" in note or "road" in note
    assert main(["search", str(tmp_path), LONG, "--model", model, "--json"]) == 0
    out = capsys.readouterr()
    assert "longer than the model reads" in out.err
    assert "longer" not in out.out
    assert main(["search", str(tmp_path), "a car", "--model", model]) == 0
    assert "longer" not in capsys.readouterr().err
