"""What unrelated sentences reach: learned on what is searched, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from c4t_core.index import cut as automatic
from c4t_core.index.cut import ASKED, SENTENCES, SHARE
from c4t_core.index.directions import unit
from c4t_core.index.query import parse_query
from c4t_core.index.vectors.table import Table
from c4t_core.paths import cache_dir
from c4t_core.workspace import Filters, Workspace
from tests.helpers.toy_model import COLOURS, ToyModel, save_picture


class Deaf(ToyModel):
    """Takes every word but a colour for grey: sentences about anything else say nothing."""

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.asked = getattr(self, "asked", 0) + sum(text in SENTENCES for text in texts)
        plain = [text if set(text.split()) & set(COLOURS) else "white" for text in texts]
        rows = super().encode_texts(plain)
        for row, text in zip(rows, texts, strict=True):
            if not set(text.split()) & set(COLOURS):
                row[:] = np.roll(row, 7)  # a direction that no picture has
        return rows


@pytest.fixture
def model() -> Deaf:
    return Deaf()


@pytest.fixture
def workspace(tmp_path: Path, open_: Callable[..., Workspace]) -> Workspace:
    folder = tmp_path / "frames"
    for number in range(40):
        save_picture(folder / f"a{number}.png", COLOURS["red" if number < 30 else "blue"], number)
    made = open_(folder)
    made.index()
    return made


def level(workspace: Workspace, **filters) -> float:
    found = workspace.answer("red", filters=Filters(**filters))
    assert found.reached is not None
    return found.reached(found.scope).unrelated


def test_the_level_is_the_share_of_the_best_scores(workspace: Workspace) -> None:
    best = [float(workspace.answer(sentence).scores.max()) for sentence in SENTENCES]
    assert level(workspace) == pytest.approx(float(np.quantile(best, SHARE)), abs=1e-6)


def test_the_level_of_what_is_asked_is_the_median_of_the_best_scores(
    workspace: Workspace,
) -> None:
    best = [float(workspace.answer(sentence).scores.max()) for sentence in ASKED]
    levels = workspace.answer("red").levels
    assert levels is not None
    assert levels.asked == pytest.approx(float(np.median(best)), abs=1e-6)


def test_a_sentence_without_meaning_finds_nothing_and_a_majority_is_found(
    workspace: Workspace,
) -> None:
    assert workspace.answer("a coral reef").cut is None
    cut = workspace.answer("red").cut
    assert cut is not None
    assert int((workspace.answer("red").scores >= cut).sum()) == 30


def test_the_sentences_are_embedded_once_and_the_level_kept_until_a_commit(
    workspace: Workspace, model: Deaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = level(workspace)
    assert model.asked == len(SENTENCES)
    looked = []
    cosines = Table.cosines_with

    def noting(
        table: Table, directions: np.ndarray, slots: np.ndarray, *, rough: bool = False
    ) -> np.ndarray:
        if rough:  # the others are the nearest of them, once more
            looked.append(len(slots))
        return cosines(table, directions, slots, rough=rough)

    monkeypatch.setattr(Table, "cosines_with", noting)
    assert level(workspace) == first
    assert not looked
    save_picture(Path(workspace.roots[0]) / "new.png", COLOURS["green"])
    workspace.index()
    level(workspace)
    assert looked == [41]
    assert model.asked == len(SENTENCES)


def test_a_new_process_embeds_no_sentence_again(
    workspace: Workspace, open_: Callable[..., Workspace]
) -> None:
    first = level(workspace)
    again = Deaf()
    assert level(open_(workspace.roots[0], with_model=again)) == first
    assert getattr(again, "asked", 0) == 0
    for file in (cache_dir() / "unrelated").glob("*.json"):
        file.write_text(file.read_text().replace("A", "B"))
    damaged = Deaf()
    assert level(open_(workspace.roots[0], with_model=damaged)) == first
    assert damaged.asked == len(SENTENCES)


def test_filters_have_levels_of_their_own(workspace: Workspace) -> None:
    only = frozenset(workspace.answer("blue").image_ids[:10].tolist())
    best = [
        float(workspace.answer(sentence, filters=Filters(only=only)).scores.max())
        for sentence in SENTENCES
    ]
    assert level(workspace, only=only) == pytest.approx(float(np.quantile(best, SHARE)), abs=1e-6)
    assert level(workspace, only=frozenset()) == -1.0


def test_what_another_filter_looked_at_changes_no_level(
    workspace: Workspace, open_: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = np.random.default_rng(0).permutation(workspace.answer("blue").image_ids).tolist()
    chosen = [frozenset(ids[first:end]) for first, end in ((5, 20), (10, 30), (0, 40), (35, 40))]
    alone = [level(open_(workspace.roots[0], with_model=Deaf()), only=only) for only in chosen]
    monkeypatch.setattr(automatic, "MOST", 20)  # so that what is known is dropped on the way
    few = [level(open_(workspace.roots[0], with_model=Deaf()), only=only) for only in chosen]
    found = [level(workspace, only=only) for only in (*chosen, *chosen)]
    assert found == pytest.approx([*few, *few], abs=1e-6)
    assert few[0] == pytest.approx(alone[0], abs=1e-6)
    assert few[2] < alone[2] + 1e-6  # of every second image


@pytest.mark.parametrize("query", ["red + 0.5:blue", "red - 2:blue", "red + blue - 0.3:green"])
def test_sums_are_held_against_sums_of_unrelated_sentences_weighed_alike(
    workspace: Workspace, model: Deaf, query: str
) -> None:
    rows = np.array([unit(row) for row in model.encode_texts(SENTENCES)])
    weights = sorted((term.weight for term in parse_query(query).terms), reverse=True)
    found = workspace.answer(query)
    pictures = np.array(list(found.scope.embeddings(found.image_ids.tolist()).values()))
    best = []
    for first in range(len(rows)):
        mixed = sum(w * rows[(first + step) % len(rows)] for step, w in enumerate(weights))
        best.append((pictures @ unit(mixed)).max())
    assert found.levels is not None
    assert found.levels.unrelated == pytest.approx(float(np.quantile(best, SHARE)), abs=1e-5)


def test_a_weight_that_alters_nothing_alters_no_cut(workspace: Workspace) -> None:
    def asked(query: str) -> tuple[float, float | None]:
        found = workspace.answer(query)
        assert found.levels is not None
        return found.levels.unrelated, found.cut

    assert asked("3:red") == asked("red")
    assert asked("2:blue + 4:red") == asked("red + 0.5:blue")
    for nearly in ("red + 0.0001:blue", "red - 0.0001:blue"):
        assert asked(nearly) == pytest.approx(asked("red"), abs=1e-3)


def test_images_and_marks_are_not_held_against_words(workspace: Workspace) -> None:
    picture = next(Path(workspace.roots[0]).glob("*.png"))
    red = workspace.answer("red")
    assert red.levels is not None
    for query in (f'@"{picture}"', f'red + @"{picture}"', red.direction):
        assert workspace.answer(query).levels is None
    assert workspace.answer("red", right=[picture]).levels is None
    assert workspace.answer("red", filters=Filters(only=frozenset())).cut is None
