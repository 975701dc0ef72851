"""Cards are painted once and kept, until what they show changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint

from c4t_core.images.scan import FileState
from c4t_core.images.thumbnails import SIDES, ThumbnailStore, bucket
from c4t_core.index.query import Hit
from c4t_desktop.gallery.delegate import CardDelegate
from c4t_desktop.gallery.results_model import ResultsModel
from c4t_desktop.gallery.thumbnail_cache import ThumbnailCache
from c4t_desktop.gallery.view import ResultsView
from c4t_desktop.jobs import thumbnails
from c4t_desktop.jobs.thumbnails import Thumbnails
from c4t_desktop.services.rows import Row
from c4t_desktop.settings import CARD_WIDTH, THUMBNAIL_SPACE, THUMBNAILS_AT_INDEXING
from c4t_desktop.theme import Theme

RED = (200, 30, 30)


class Held(Thumbnails):
    """Makes pictures when told to, and not before."""

    def __init__(self, folder):
        super().__init__(ThumbnailStore(folder))
        self.asked = []
        self.held = True

    def request(self, request):
        self.asked.append(request.path)
        if not self.held:
            super().request(request)


@pytest.fixture
def grid(qtbot, qapp, tmp_path):
    """A grid of four cards whose pictures are held back, and how often a card was painted."""
    frames = []
    for number in range(4):
        frames.append(tmp_path / f"frame {number}.png")
        Image.new("RGB", (320, 200), RED).save(frames[-1])
    source = Held(tmp_path / "kept")
    cache, model, theme = ThumbnailCache(source), ResultsModel(), Theme(qapp)
    theme.apply("light", 100)
    view = ResultsView(model, cache, theme)
    view.use_delegate(Counting(cache, theme, view))
    view.resize(700, 600)
    qtbot.addWidget(view)
    view.show()
    model.set_rows(tuple(Row(hit(path, rank)) for rank, path in enumerate(frames, start=1)))
    view.viewport().repaint()
    yield view, source, frames
    view.close()
    assert source.shutdown()


def hit(path: Path, rank: int) -> Hit:
    return Hit(path, 0.5 - rank / 100, rank, path.parent, path.name)


class Counting(CardDelegate):
    painted = 0

    def _paint_still(self, *args):
        self.painted += 1
        return super()._paint_still(*args)


def colour(view, row):
    spot = view.visualRect(view.model().index(row)).center() - QPoint(0, 40)
    return view.viewport().grab().toImage().pixelColor(spot).getRgb()[:3]


def test_a_card_without_its_picture_is_kept_and_asks_again(grid):
    view, source, frames = grid
    before, source.asked[:] = view.itemDelegate().painted, []
    view.viewport().repaint()
    assert view.itemDelegate().painted == before
    assert set(source.asked) == set(frames)


def test_a_picture_that_arrives_is_shown(qtbot, grid):
    view, source, _ = grid
    assert colour(view, 0) != pytest.approx(RED, abs=12)
    source.held = False
    view.viewport().repaint()
    for row in range(4):
        qtbot.waitUntil(lambda row=row: colour(view, row) == pytest.approx(RED, abs=12))
    before, source.asked[:] = view.itemDelegate().painted, []
    view.viewport().repaint()
    assert view.itemDelegate().painted == before
    assert not source.asked


def test_a_mended_file_loses_its_warning(qtbot, grid):
    view, source, frames = grid
    source.held = False
    good = frames[0].read_bytes()
    frames[0].write_bytes(b"no image")
    view.viewport().repaint()
    qtbot.waitUntil(lambda: bool(view.itemDelegate()._cache.reason(frames[0])))
    frames[0].write_bytes(good)
    view.itemDelegate()._cache.forget()
    qtbot.waitUntil(lambda: colour(view, 0) == pytest.approx(RED, abs=12))


def test_nothing_is_asked_for_while_the_scroll_bar_leaps(grid):
    view, source, _ = grid
    view.itemDelegate().forget()
    view.itemDelegate().flying = True
    source.asked.clear()
    view.viewport().repaint()
    view.viewport().repaint()
    assert not source.asked
    view._land()
    view.viewport().repaint()
    assert source.asked


def test_a_grid_that_is_hidden_keeps_no_cards(grid):
    view, _, _ = grid
    assert view.itemDelegate()._bytes
    view.hide()
    assert not view.itemDelegate()._bytes
    assert not view.itemDelegate()._kept


def test_the_memory_of_kept_cards_is_bounded(grid, monkeypatch):
    view, _, _ = grid
    monkeypatch.setattr("c4t_desktop.gallery.delegate._LIMIT", 400_000)
    view.itemDelegate().forget()
    view.viewport().repaint()
    assert 0 < view.itemDelegate()._bytes <= 400_000


def test_what_an_older_decoder_made_is_not_shown(tmp_path, monkeypatch):
    picture = tmp_path / "a.png"
    Image.new("RGB", (20, 20), RED).save(picture)
    store = ThumbnailStore(tmp_path / "kept")
    request = thumbnails.Request(picture, 256)
    with monkeypatch.context() as older:
        older.setattr("c4t_core.images.thumbnails.DECODING", 1)
        store.keep_failure(store.key(picture, 256), "not an image")
        assert thumbnails.make_picture(request, store).image is None
    assert thumbnails.make_picture(request, store).image is not None


def test_what_indexing_decoded_is_shown_without_reading_it_again(
    window, frames, monkeypatch, tmp_path
):
    context = window.desktop.context
    keeper = context.library.workspace.on_picture
    large = tmp_path / "large.png"
    Image.new("RGB", (800, 500), RED).save(large)
    keeper(large, FileState.of(large.stat()), Image.new("RGB", (800, 500), RED))
    monkeypatch.setattr("c4t_core.images.decode.open_image", None)  # not needed any more
    side = bucket(round(context.settings.value(CARD_WIDTH) * window.devicePixelRatioF()))
    made = thumbnails.make_picture(thumbnails.Request(large, side), context.thumbnails.store)
    assert made.image is not None
    assert made.image.width() == side


def test_indexing_makes_no_thumbnails_where_the_user_wants_none(qtbot, window):
    context = window.desktop.context
    workspace = context.library.workspace
    assert workspace.on_picture is not None
    context.settings.set(THUMBNAILS_AT_INDEXING, False)
    context.library.index()
    qtbot.waitUntil(lambda: workspace.runs == 2 and not context.library.is_indexing)
    assert workspace.on_picture is None


def test_the_space_for_thumbnails_holds_for_indexing_too(qtbot, window, tmp_path):
    context = window.desktop.context
    workspace, store = context.library.workspace, context.thumbnails.store
    context.settings.set(THUMBNAIL_SPACE, THUMBNAIL_SPACE.low)
    context.library.index()
    qtbot.waitUntil(lambda: workspace.runs == 2 and not context.library.is_indexing)
    keeper = workspace.on_picture
    store.keep("ab", bytes(THUMBNAIL_SPACE.low * 1_000_000))
    path = tmp_path / "large.png"
    Image.new("RGB", (800, 500), RED).save(path)
    state = FileState.of(path.stat())
    keeper(path, state, Image.new("RGB", (800, 500), RED))
    assert not any(store.has(store.key(path, side, state)) for side in SIDES)


def test_a_picture_that_two_asked_for_is_made_until_both_withdraw(qtbot, tmp_path):
    source = Thumbnails(workers=0)
    wanted = thumbnails.Request(tmp_path / "a.png", thumbnails.FULL)
    source.request(wanted)
    source.request(wanted)
    source.withdraw(wanted)
    assert source.waiting == 1
    source.withdraw(wanted)
    assert source.waiting == 0
    source.withdraw(wanted)  # which is no error
    assert source.shutdown()
