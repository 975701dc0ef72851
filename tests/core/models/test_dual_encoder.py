"""The architecture: sizes of the reference, heads and poolings against plain formulas."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from c4t_core.errors import ModelError
from c4t_core.models.config import (
    LITE,
    PRESETS,
    REFERENCE,
    ImageEncoderConfig,
    ModelConfig,
    ObjectsConfig,
    PreprocessConfig,
    TextEncoderConfig,
)
from c4t_core.models.folder import read_config
from c4t_core.models.network import (
    DualEncoder,
    ImagePool,
    ObjectBranch,
    ProjectionHead,
    build_trunk,
    pool_text,
)
from c4t_core.models.object_branch import Surfaces
from c4t_core.paths import resource
from tests.helpers.tiny_model import TINY, count_parameters


def build(config: ModelConfig) -> DualEncoder:
    with torch.device("meta"):  # sizes only, no memory
        return DualEncoder(config)


def test_the_reference_has_the_published_numbers_of_parameters():
    model = build(REFERENCE)
    assert count_parameters(model.image_encoder) == 23_508_032
    assert count_parameters(model.text_encoder) == 66_362_880
    assert count_parameters(model) == 91_841_088
    assert count_parameters(build(dataclasses.replace(REFERENCE, projection=256))) == 90_724_928


def test_lite_is_the_design_that_ships_but_for_what_boxes_must_teach():
    shipped = read_config(resource("models", "lite"))
    assert shipped.image.objects is not None
    assert "person" in shipped.image.objects.classes
    image = dataclasses.replace(shipped.image, objects=None)
    text = dataclasses.replace(shipped.text, table=LITE.text.table)
    pixels = dataclasses.replace(shipped.preprocess, width=0)
    assert dataclasses.replace(shipped, image=image, text=text, preprocess=pixels) == LITE
    assert PRESETS["lite"] == LITE
    model = build(LITE)
    assert count_parameters(model.image_encoder.trunk) == 3_371_008  # 4.65 M with its classifier
    assert model.image_encoder.width == 4288  # means and maxima of 1,280; four of 112 and 320
    assert model.text_encoder.width == 384


def test_the_reference_encodes_square_images_of_several_sizes():
    trunk = dataclasses.replace(REFERENCE.image, pooling="avgmax")
    text = TextEncoderConfig(
        dim=8, layers=1, heads=1, hidden=8, vocabulary=9, positions=8, max_length=8
    )
    model = build(ModelConfig(image=trunk, text=text, projection=16)).eval()
    pixels = torch.zeros(2, 64, 64, 3, dtype=torch.uint8, device="meta")
    assert model.image_encoder.maps(model.image_encoder.normalise(pixels)).shape == (2, 2048, 2, 2)
    pixels = torch.zeros(2, 96, 96, 3, dtype=torch.uint8, device="meta")
    assert model.encode_image(pixels).shape == (2, 16)


def test_pixels_are_normalised_as_the_configuration_says():
    model = DualEncoder(TINY)
    pixels = torch.tensor([0, 127, 255], dtype=torch.uint8).expand(1, 64, 64, 3)
    planes = model.image_encoder.normalise(pixels)
    assert planes.shape == (1, 3, 64, 64)
    expected = torch.tensor([-1.0, (127 - 127.5) / 127.5, 1.0])
    torch.testing.assert_close(planes[0, :, 5, 7], expected)


def test_imagenet_statistics_are_those_of_unit_pixels():
    config = dataclasses.replace(
        TINY, preprocess=PreprocessConfig(size=64, mean=(0.485, 0.456, 0.406), std=(0.2, 0.3, 0.4))
    )
    planes = DualEncoder(config).image_encoder.normalise(
        torch.full((1, 2, 2, 3), 255, dtype=torch.uint8)
    )
    expected = (1 - torch.tensor(config.preprocess.mean)) / torch.tensor(config.preprocess.std)
    torch.testing.assert_close(planes[0, :, 0, 0], expected)


def test_a_head_is_the_residual_bottleneck_with_layer_norm():
    torch.manual_seed(0)
    head = ProjectionHead(5, 4, dropout=0.5).eval()
    x = torch.randn(3, 5)
    w1, b1 = head.projection.weight.detach().numpy(), head.projection.bias.detach().numpy()
    w2, b2 = head.mix.weight.detach().numpy(), head.mix.bias.detach().numpy()
    p = x.numpy() @ w1.T + b1
    gelu = p * 0.5 * (1 + np.vectorize(__import__("math").erf)(p / np.sqrt(2)))
    y = p + gelu @ w2.T + b2
    y = (y - y.mean(axis=1, keepdims=True)) / np.sqrt(y.var(axis=1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(head(x).detach().numpy(), y, atol=1e-5)


def test_dropout_works_only_while_training_and_before_the_sum():
    torch.manual_seed(0)
    head = ProjectionHead(8, 8, dropout=0.9)
    x = torch.randn(4, 8)
    assert not torch.equal(head(x), head(x))
    head.eval()
    assert torch.equal(head(x), head(x))


def test_mean_pooling_ignores_padding_and_an_empty_mask_gives_zeros():
    states = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    assert pool_text("mean", states, mask).tolist() == [[1.0, 2.0], [0.0, 0.0]]


def test_average_and_max_are_joined_in_this_order():
    maps = torch.zeros(1, 2, 2, 2)
    maps[0, 1, 0, 0] = 8.0
    assert ImagePool("avgmax", 2)(maps).tolist() == [[0.0, 2.0, 0.0, 8.0]]


def test_text_of_cls_pooling_depends_on_the_first_position_only():
    config = dataclasses.replace(TINY, text=dataclasses.replace(TINY.text, pooling="cls"))
    encoder = DualEncoder(config).eval().text_encoder
    ids, mask = torch.tensor([[7, 8, 9]]), torch.ones(1, 3, dtype=torch.int64)
    with torch.no_grad():
        states = encoder.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(encoder(ids, mask), states[:, 0])


@pytest.mark.parametrize("name", ["no_such_net", "torchvision:vgg16", "hf-hub:a/b", "../evil", ""])
def test_unknown_networks_are_named(name):
    with pytest.raises(ModelError, match="name"):
        build_trunk(name)


def test_unknown_poolings_name_the_known_ones():
    for config, known in ((TINY.image, "avg, avgmax, levels"), (TINY.text, "mean, cls")):
        with pytest.raises(ValueError, match=f"pooling is 'best'; it is one of {known}"):
            dataclasses.replace(config, pooling="best")


@pytest.mark.parametrize(
    "broken",
    [
        lambda: PreprocessConfig(size=0),
        lambda: PreprocessConfig(size=True),
        lambda: PreprocessConfig(std=(1.0, 0.0, 1.0)),
        lambda: PreprocessConfig(resize="stretch"),  # type: ignore[arg-type]
        lambda: ImageEncoderConfig(features=-1),
        lambda: TextEncoderConfig(dim=384, heads=7),
        lambda: TextEncoderConfig(layers=10**9),
        lambda: TextEncoderConfig(max_length=1000),
        lambda: ModelConfig(projection=0),
        lambda: ModelConfig(dropout=1.0),
    ],
)
def test_impossible_configurations_are_refused(broken):
    with pytest.raises(ValueError, match="is |are |divide"):
        broken()


def test_levels_pooling_joins_statistics_of_inner_maps():
    maps = torch.arange(8.0).reshape(1, 2, 2, 2)
    inner = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]]]])
    pooled = ImagePool("levels", 2, [1])(maps, [inner])
    torch.testing.assert_close(pooled, torch.tensor([[1.5, 5.5, 3.0, 7.0, 2.0, 3.0, 1.0, 1.0]]))


def test_a_configuration_survives_json():
    for config in (LITE, REFERENCE, TINY):
        assert ModelConfig.from_dict(config.to_dict()) == config


def slowly(maps: np.ndarray) -> np.ndarray:
    """The statistics of object maps (n, c + 1, h, w), cell by cell."""
    out = []
    for frame in maps.astype(np.float64):
        height = np.clip(frame[-1], -4, 0.2)
        for logits in frame[:-1]:
            probable = 1 / (1 + np.exp(-logits))
            best = sorted(logits.ravel())[::-1]
            a, b = round(0.36 * logits.shape[1]), round(0.64 * logits.shape[1])
            weight = probable**2 + 1e-6
            out.append(
                [
                    best[0],
                    np.mean(best[:8]),
                    np.log(probable.sum() + 0.01),
                    logits[:, :a].max(),
                    logits[:, a:b].max(),
                    logits[:, b:].max(),
                    (weight * height).sum() / weight.sum(),
                    np.log((probable * np.exp(height)).max() + 0.01),
                ]
            )
    return np.array(out).reshape(len(maps), -1, 8)


def test_statistics_of_object_maps():
    maps = torch.randn(3, 5, 6, 10, generator=torch.Generator().manual_seed(2)) * 3
    found = ObjectBranch.statistics(maps).numpy()
    np.testing.assert_allclose(found, slowly(maps.numpy()), rtol=1e-4, atol=1e-5)


def test_facts_are_read_off_the_statistics():
    branch = ObjectBranch(ObjectsConfig(("car", "bus"), channels=4), (3, 5)).eval()
    maps = torch.full((1, 3, 8, 12), -9.0)
    maps[0, 0, 2, 1] = 5.0  # a car on the left
    maps[0, 2] = float(np.log(0.25))  # a quarter of the frame high
    with torch.no_grad():
        branch.counting[0, -1] = 3.0
        car, bus = branch.facts(branch.statistics(maps))[0]
    assert car[0] == pytest.approx(1 / (1 + np.exp(-5.0)))
    assert car[1] == pytest.approx(np.log1p(np.exp(3.0)))
    assert car[2] == pytest.approx(0.25 * float(car[0]), abs=1e-6)
    assert car[3] == car[0]
    assert max(car[4], car[5], bus[0]) < 0.001


def test_units_are_high_where_all_their_conditions_hold():
    config = ObjectsConfig(
        ("car", "traffic light"),
        channels=4,
        units=("car>=1", "fog", "car>=1 traffic_light>=2", "fog car>=1"),
    )
    branch = ObjectBranch(config, (3, 5), pooled=6)
    assert branch.width == 8 * 2 + 4
    together = branch.together
    assert together.conditions == ["car>=1", "fog", "traffic_light>=2"]
    with torch.no_grad():
        together.likely.weight.zero_()
        together.likely.bias.copy_(torch.tensor([2.0, 0.5, -1.0]))
        found = together(torch.zeros(1, 6 + 8 * 2)).numpy()[0]
    car, fog, lights = (1 / (1 + np.exp(-np.array([2.0, 0.5, -1.0])))).tolist()
    want = np.log(np.array([car, fog, car * lights, fog * car]) + 0.03)
    np.testing.assert_allclose(found, want, rtol=1e-5)


def test_units_are_part_of_what_the_head_takes():
    objects = ObjectsConfig(("car", "bus"), units=("car>=1 bus>=1", "snow"))
    image = dataclasses.replace(LITE.image, objects=objects)
    config = dataclasses.replace(LITE, image=image)
    encoder = build(config).image_encoder
    assert encoder.width == 4288 + 8 * 2 + 2
    pooled, statistics = torch.zeros(3, 4288, device="meta"), torch.zeros(3, 2, 8, device="meta")
    assert encoder.joined(pooled, statistics).shape == (3, encoder.width)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    plain = dataclasses.replace(image, objects=dataclasses.replace(objects, units=()))
    data = dataclasses.replace(config, image=plain).to_dict()
    assert "units" not in data["image"]["objects"]  # earlier versions refuse what they do not know
    assert build(ModelConfig.from_dict(data)).image_encoder.width == 4288 + 8 * 2
    for unit in ("tram>=1", "car>=many"):
        with pytest.raises(ValueError, match="car>=2"):
            dataclasses.replace(objects, units=(unit,))


def test_amounts_of_surfaces():
    maps = torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(3)) * 3
    found = Surfaces.amounts(maps).numpy()
    cells = maps.numpy().reshape(2, 3, 24)
    share = (1 / (1 + np.exp(-cells))).mean(axis=2)
    highest = np.sort(cells, axis=2)[:, :, -8:].mean(axis=2)
    want = np.stack([share, np.log(share + 3e-3), highest], axis=2)
    np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)


def test_surfaces_stand_with_the_pooled_features():
    objects = ObjectsConfig(("car",), channels=4, units=("car>=1",), surfaces=("sky", "road"))
    image = dataclasses.replace(LITE.image, objects=objects)
    config = dataclasses.replace(LITE, image=image)
    encoder = build(config).image_encoder
    assert encoder.width == 4288 + 3 * 2 + 8 + 1
    assert encoder.objects.together.likely.in_features == 4288 + 3 * 2 + 8
    pixels = torch.zeros((1, 64, 64, 3), dtype=torch.uint8, device="meta")
    pooled, statistics = encoder.seen(pixels)
    assert pooled.shape == (1, 4288 + 3 * 2)
    assert encoder(pixels).shape == (1, encoder.width)
    assert encoder.joined(pooled, statistics).shape == (1, encoder.width)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    plain = dataclasses.replace(image, objects=dataclasses.replace(objects, surfaces=()))
    data = dataclasses.replace(config, image=plain).to_dict()
    assert "surfaces" not in data["image"]["objects"]
    with pytest.raises(ValueError, match="once"):
        dataclasses.replace(objects, surfaces=("sky", "sky"))


def test_what_sees_objects_is_told_apart_in_its_configuration():
    objects = ObjectsConfig(("car", "bus"))
    image = dataclasses.replace(LITE.image, objects=objects)
    wide = dataclasses.replace(LITE.preprocess, width=512)
    config = dataclasses.replace(LITE, image=image, preprocess=wide)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert "objects" not in LITE.to_dict()["image"]  # earlier versions refuse what they do not know
    assert "width" not in LITE.to_dict()["preprocess"]
    assert build(config).image_encoder.width == 4288 + 8 * 2
    assert config.preprocess.shape == (320, 512)
    with pytest.raises(ValueError, match="levels"):
        dataclasses.replace(image, pooling="avg")
    with pytest.raises(ValueError, match="once"):
        ObjectsConfig(("car", "car"))
    with pytest.raises(ValueError, match="squash"):
        dataclasses.replace(wide, resize="crop")
