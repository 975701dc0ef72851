"""Kept features: what the product would compute, the same each time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core.errors import ImageError

pytest.importorskip("torch")


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
        paths.append(path)
    return paths


def test_features_through_the_head_are_the_models_embeddings(
    tiny_model_folder: Path, images: list[Path]
) -> None:
    import torch

    from c4t_core.models.c4t import C4TFolder, load_dual_encoder
    from c4t_core.models.engine import TorchModel
    from scripts.lite.features import image_features

    model = load_dual_encoder(tiny_model_folder)
    features = image_features(model, images, batch=2)
    with torch.no_grad():
        ours = torch.nn.functional.normalize(model.image_head(torch.from_numpy(features)), dim=1)
    opened = [Image.open(path).convert("RGB") for path in images]
    theirs = TorchModel(C4TFolder(tiny_model_folder, "tiny"), device="cpu").encode_images(opened)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)


def test_maps_are_what_the_encoder_sees_and_copies_depend_on_their_seed(
    images: list[Path], tmp_path: Path
) -> None:
    import torch

    from c4t_core.models.network import DualEncoder
    from scripts.lite.features import image_features, image_maps
    from tests.helpers.tiny_model import TINY

    torch.manual_seed(0)
    pooled = dataclasses.replace(TINY.image, pooling="levels")
    model = DualEncoder(dataclasses.replace(TINY, image=pooled)).eval()
    plain = image_maps(model, images, cache=tmp_path / "plain")
    np.testing.assert_allclose(plain.pooled, image_features(model, images), atol=1e-4)
    assert plain.fine.shape[2:] == (4, 4)
    assert plain.coarse.shape[2:] == (2, 2)
    first = image_maps(model, images, "light1", cache=tmp_path / "cache")
    assert np.abs(first.pooled - plain.pooled).max() > 0
    other = image_maps(model, images, "light2", cache=tmp_path / "cache")
    assert np.abs(first.pooled - other.pooled).max() > 0
    part = image_maps(model, images[1:], "light1", cache=tmp_path / "part")
    np.testing.assert_allclose(part.pooled, first.pooled[1:], atol=1e-4)
    numbers = []

    def white(number: int, pixels: np.ndarray) -> np.ndarray:
        numbers.append(number)
        return np.full_like(pixels, 255)

    drawn = image_maps(model, images, "white", cache=tmp_path / "cache", draw=white)
    assert numbers == [0, 1, 2]
    np.testing.assert_allclose(drawn.pooled, drawn.pooled[[1, 2, 0]], atol=1e-6)
    assert not np.allclose(drawn.pooled, plain.pooled)
    images[0].unlink()  # only the cache can answer now
    again = image_maps(model, images, "light1", cache=tmp_path / "cache")
    np.testing.assert_array_equal(again.pooled, first.pooled)
    np.testing.assert_array_equal(again.fine, first.fine)


def test_no_copy_is_mirrored(tmp_path: Path) -> None:
    import torch

    from c4t_core.models.network import DualEncoder
    from scripts.lite.features import image_maps
    from tests.helpers.tiny_model import TINY

    class Halves(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(pixels), 256)

        def pooled(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
            halves = [pixels[:, :, :32], pixels[:, :, 32:]]
            means = torch.stack([half.float().mean(dim=(1, 2, 3)) for half in halves], dim=1)
            return means, [means[:, :, None, None]] * 2

    model = DualEncoder(TINY)
    model.image_head = torch.nn.Identity()  # type: ignore[assignment]
    model.image_encoder = Halves()  # type: ignore[assignment]
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30] = 200
    paths = [tmp_path / f"{number}.png" for number in range(64)]
    for path in paths:
        Image.fromarray(image).save(path)
    left, right = image_maps(model, paths, "light1", cache=tmp_path / "cache").pooled.T
    assert len(set(left)) > 32  # no two copies alike
    assert (left > right).all()


def test_unreadable_image_is_named(tiny_model_folder: Path, tmp_path: Path) -> None:

    from c4t_core.models.c4t import load_dual_encoder
    from scripts.lite.features import image_features

    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        image_features(load_dual_encoder(tiny_model_folder), [broken])


def test_both_engines_agree_on_levels_pooling(tmp_path: Path, images: list[Path]) -> None:
    import torch

    from c4t_core.models.folder import save_model
    from c4t_core.models.graphs.export import export_onnx
    from c4t_core.models.network import DualEncoder
    from c4t_core.models.registry import load_model
    from tests.helpers.tiny_model import TINY, tiny_tokenizer

    torch.manual_seed(0)
    pooled = dataclasses.replace(TINY.image, pooling="levels")
    config = dataclasses.replace(TINY, image=pooled)
    state = DualEncoder(config).state_dict()
    folder = save_model(tmp_path / "m", config, state, tiny_tokenizer(), "# m", finish=export_onnx)
    opened = [Image.open(path).convert("RGB") for path in images]
    both = [load_model(str(folder), engine=engine, device="cpu") for engine in ("onnx", "torch")]
    one, other = (model.encode_images(opened) for model in both)
    assert (1 - (one * other).sum(axis=1)).max() < 1e-3
