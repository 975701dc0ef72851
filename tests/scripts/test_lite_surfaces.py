"""Maps of surfaces: what masks teach them, and that a frame is told by the other half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from c4t_core.errors import TrainingError  # noqa: E402
from scripts.lite.data import Frame  # noqa: E402
from scripts.lite.features import Maps  # noqa: E402
from scripts.lite.surfaces import (  # noqa: E402
    SURFACES,
    SurfaceOptions,
    halves,
    shares,
    surfaces_of,
)

SKY, ROAD = SURFACES.index("sky"), SURFACES.index("road")


def frame(folder: Path, mask: np.ndarray, source: str = "camvid", name: str = "a") -> Frame:
    path = folder / f"{name}.png"
    Image.fromarray(mask.astype(np.uint8)).save(path)
    return Frame(folder / f"{name}.jpg", source, f"{source}:{name}", "train", mask=path)


def test_shares_of_cells(tmp_path):
    mask = np.full((8, 8), 3)  # road
    mask[:2] = 0  # sky
    mask[:4, 4:] = 11  # unlabelled
    found = shares(frame(tmp_path, mask), 2, 2)
    np.testing.assert_allclose(found[SKY, 0, 0], 0.5)
    np.testing.assert_allclose(found[ROAD, 1], 1.0)
    assert np.isnan(found[SKY, 0, 1])  # nothing there has a label
    assert np.isnan(found[SURFACES.index("verge")]).all()  # CamVid does not tell it


NO_MAPS = Maps(np.empty((0, 1), np.float32), *[np.empty((0, 1, 1, 1), np.float16)] * 2)


def test_a_frame_without_a_mask_teaches_nothing():
    plain = Frame(Path("a.jpg"), "roads", "roads:1", "train")
    assert np.isnan(shares(plain, 2, 3)).all()
    with pytest.raises(TrainingError, match="camvid and idd_lite"):
        surfaces_of(NO_MAPS, [plain], SurfaceOptions())


def test_halves_keep_groups_together_and_cut_the_one_drive():
    frames = [Frame(Path(f"{n:03}.jpg"), "camvid", "camvid:one", "train") for n in range(6)]
    frames += [Frame(Path(f"{n}.jpg"), "dawn", f"dawn:{n // 4}", "train") for n in range(40)]
    found = halves(frames)
    assert found[:6].tolist() == [0, 0, 0, 1, 1, 1]
    assert set(found[6:]) == {0, 1}
    assert (found[6:].reshape(10, 4) == found[6::4, None]).all()


def test_shares_of_frames_are_learnt(tmp_path):
    rng = np.random.default_rng(0)
    heights = rng.integers(0, 9, 64)  # rows of sky, of eight
    frames, fine = [], np.zeros((64, 4, 8, 8), np.float16)
    for n, height in enumerate(heights):
        mask = np.full((16, 16), 3)
        mask[: 2 * height] = 0
        frames.append(frame(tmp_path, mask, name=f"{n:02}"))
        fine[n, 0, :height] = 1.0
        fine[n, 1, height:] = 1.0
    coarse = np.zeros((64, 2, 4, 4), np.float16)
    maps = Maps(np.zeros((64, 1), np.float32), fine, coarse)
    network, told = surfaces_of(maps, frames, SurfaceOptions(epochs=40, dropout=0.0))
    found = told.reshape(64, len(SURFACES), 3)
    assert told.shape == (64, network.width)
    for surface, share in ((SKY, heights / 8), (ROAD, 1 - heights / 8)):
        assert np.corrcoef(found[:, surface, 0], share)[0, 1] > 0.97
