"""The parts of a run on their own: order, rates, stores, freezing, augmentation."""

from __future__ import annotations

import copy
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from c4t_core.errors import Cancelled, TrainingError  # noqa: E402
from c4t_core.models.c4t import Tokens  # noqa: E402
from c4t_core.models.config import ObjectsConfig  # noqa: E402
from c4t_core.models.network import DualEncoder  # noqa: E402
from c4t_core.training import request  # noqa: E402  # noqa: E402
from c4t_core.training.checkpoint import learning_state, load_learning_state  # noqa: E402
from c4t_core.training.data import (  # noqa: E402
    Sample,
    epoch_rows,
    load_data,
    prefetched,
    steps_per_epoch,
)
from c4t_core.training.losses import Criterion  # noqa: E402
from c4t_core.training.request import TrainingOptions, TrainingRequest  # noqa: E402
from c4t_core.training.sources import RowStore  # noqa: E402
from c4t_core.training.steps import (  # noqa: E402
    Average,
    Rates,
    cosine_factor,
    drawn_wrong,
    known_wrong,
)
from c4t_core.training.towers import (  # noqa: E402
    Captions,
    TextBatch,
    Towers,
    augmented,
    freeze,
    is_frozen,
    noisy,
    parameter_groups,
    set_training,
)
from tests.helpers.tiny_model import TINY, tiny_tokenizer  # noqa: E402


def samples(*counts: int) -> list[Sample]:
    return [
        Sample(Path(f"{i}.png"), f"{i}.png", tuple(f"c{i}.{j}" for j in range(count)), None)
        for i, count in enumerate(counts)
    ]


def test_an_image_marked_for_two_parts_is_not_learned_from(tmp_path):
    rows = ["a,1,train", "a,2,val", "b,3,train", "c,4,val", "c,5,test", "d,6,train", "d,7,test"]
    for name in "abcd":
        (tmp_path / f"{name}.png").touch()
    lines = ["image,caption,split", *(f"{row[0]}.png{row[1:]}" for row in rows)]
    (tmp_path / "pairs.csv").write_text("\n".join(lines), encoding="utf-8")
    data = load_data(TrainingRequest(tmp_path / "pairs.csv", tmp_path / "run"))
    assert [sample.relative for sample in data.train] == ["b.png"]
    assert [sample.relative for sample in data.validation] == ["a.png"]
    assert data.test == 2
    assert any("marks 3 images for more than one part" in warning for warning in data.warnings)


def test_what_an_image_does_not_show_stays_with_its_drive(tmp_path):
    rows = [f"{d}{n}.png,{text},{d},{shown}" for d in "abc" for n, text, shown in (
        (1, "fog", 1), (1, "snow", 0), (2, "snow", 1), (3, "fog", 0), (4, "rain", 0),
    )]  # fmt: skip
    for d in "abc":
        for n in range(1, 5):
            (tmp_path / f"{d}{n}.png").touch()
    text = "\n".join(["image,caption,drive,shown", *rows])
    (tmp_path / "pairs.csv").write_text(text, encoding="utf-8")
    data = load_data(TrainingRequest(tmp_path / "pairs.csv", tmp_path / "run"))
    (held,) = {sample.drive for sample in data.validation}
    left = [d for d in "abc" if d != held]
    assert [(s.relative, s.captions, s.wrong) for s in data.train] == [
        row for d in left for row in (
            (f"{d}1.png", ("fog",), ("snow",)), (f"{d}2.png", ("snow",), ()),
        )
    ]  # fmt: skip
    assert [(s.relative, s.captions, s.wrong) for s in data.further] == [
        (f"{d}3.png", (), ("fog",)) for d in left
    ]
    assert [sample.relative for sample in data.validation] == [f"{held}1.png", f"{held}2.png"]
    assert (data.pairs, data.wrong) == (6, 4)
    assert any(warning.startswith("2 rows that say what") for warning in data.warnings)
    split = [f"{row},{'val' if row[0] == 'a' else 'train'}" for row in rows]
    text = "\n".join(["image,caption,drive,shown,split", *split])
    (tmp_path / "split.csv").write_text(text, encoding="utf-8")
    again = load_data(TrainingRequest(tmp_path / "split.csv", tmp_path / "run"))
    assert {sample.drive for sample in (*again.train, *again.further)} == {"b", "c"}
    assert {sample.drive for sample in again.validation} == {"a"}


def test_wrong_images_are_drawn_by_seed_epoch_and_step():
    wrong = {5: list(range(100, 200)), 7: [3, 300]}
    captions, numbers = [5, 6, 5, 7, 5, 7], [0, 1, 2, 3, 4, 8]
    drawn = drawn_wrong(wrong, captions, numbers, 1, 2, 3)
    assert drawn == drawn_wrong(wrong, captions, numbers, 1, 2, 3)
    others = [
        drawn_wrong(wrong, captions, numbers, *at) for at in ((1, 2, 4), (1, 3, 3), (2, 2, 3))
    ]
    assert all(other != drawn for other in others)
    assert len(set(drawn)) == len(drawn) <= 5
    assert set(drawn) <= {*range(100, 200), 300}  # 3 is in the step as it is
    assert drawn_wrong(wrong, [6, 6], [0, 1], 1, 2, 3) == []
    known = known_wrong(wrong, captions, np.array([*numbers, 100, 300]))
    assert np.argwhere(known).tolist() == [[3, 3], [3, 5], [6, 0], [6, 2], [6, 4], [7, 3], [7, 5]]


def test_epoch_order_is_a_function_of_seed_and_epoch():
    some = samples(1, 3, 2, 5, 1, 1, 4)
    first = epoch_rows(some, "one", 7, 0)
    assert np.array_equal(first, epoch_rows(some, "one", 7, 0))
    assert not np.array_equal(first, epoch_rows(some, "one", 7, 1))
    assert sorted(first[:, 0].tolist()) == list(range(7))
    assert all(which < len(some[number].captions) for number, which in first)
    every = epoch_rows(some, "all", 7, 0).tolist()
    assert sorted(map(tuple, every)) == [
        (i, j) for i, sample in enumerate(some) for j in range(len(sample.captions))
    ]


def test_every_caption_is_drawn_in_the_long_run():
    seen = {tuple(row) for epoch in range(60) for row in epoch_rows(samples(1, 4), "one", 0, epoch)}
    assert seen == {(0, 0), (1, 0), (1, 1), (1, 2), (1, 3)}


@pytest.mark.parametrize(("images", "steps"), [(8, 2), (9, 2), (10, 3), (3, 1), (2, 1)])
def test_a_last_lone_pair_is_left_out(images, steps):
    assert steps_per_epoch(samples(*[1] * images), TrainingOptions(batch=4)) == steps


def test_prefetching_keeps_the_order_and_the_error():
    assert list(prefetched(lambda i: i * i, 2, 6)) == [4, 9, 16, 25]
    assert list(prefetched(lambda i: i, 3, 3)) == []

    def broken(i):
        if i == 2:
            raise OSError("gone")
        return i

    taken = []
    with pytest.raises(OSError, match="gone"):
        taken.extend(prefetched(broken, 0, 5))


def test_cosine_rises_and_falls():
    factors = [cosine_factor(step, 20, 0.2) for step in range(20)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4] == 1.0
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert 0 < factors[-1] < 0.02


def test_plateau_halves_after_patience():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([weight], lr=1.0)
    rates = Rates(optimizer, request.REFERENCE_OPTIONS, 100)
    seen = []
    for loss in (1.0, 1.1, 1.1, 1.1, 0.5):
        rates.after_epoch(loss)
        seen.append(rates.current[0])
    assert seen == [1.0, 1.0, 0.5, 0.5, 0.5]


def test_moving_average_by_hand():
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(1.0)
    average = Average(layer, 0.5)
    layer.weight.data.fill_(3.0)
    average.update(100)
    assert average.state["weight"].item() == 2.0
    average.update(1)  # early: decay 2/11
    assert average.state["weight"].item() == pytest.approx(2 * 2 / 11 + 3 * 9 / 11)


def each(compute):
    return lambda blocks: (compute(numbers) for numbers in blocks)


def test_store_goes_on_where_it_stopped(tmp_path):
    asked = []

    def compute(numbers):
        asked.append(numbers)
        return np.array([[n, n] for n in numbers], np.float32), {3: "bad"} if 3 in numbers else {}

    def stop(done, total):
        if done == 4:
            raise Cancelled

    store = RowStore(tmp_path, "rows", "k" * 20, 7, (2,), np.float32)
    with pytest.raises(Cancelled):
        store.fill(each(compute), 2, stop)
    again = RowStore(tmp_path, "rows", "k" * 20, 7, (2,), np.float32)
    again.fill(each(compute), 2)
    assert asked == [[0, 1], [2, 3], [4, 5], [6]]
    assert again.state.tolist() == [1, 1, 1, 2, 1, 1, 1]
    assert again.reasons == {3: "bad"}
    assert again.rows[6].tolist() == [6, 6]
    other = RowStore(tmp_path, "rows", "j" * 20, 7, (2,), np.float32)
    assert not other.state.any()  # another key is another store, and the old one is gone
    assert len(list(tmp_path.glob("rows-*.rows"))) == 1


def test_store_survives_a_damaged_file(tmp_path):
    RowStore(tmp_path, "rows", "k", 3, (2,), np.float32)
    next(tmp_path.glob("*.rows")).write_bytes(b"nonsense")
    assert not RowStore(tmp_path, "rows", "k", 3, (2,), np.float32).state.any()


def test_a_flipped_bit_of_a_store_costs_its_row_and_changes_none(tmp_path):
    def compute(numbers):
        return np.array([[n, 2 * n] for n in numbers], np.float32), {
            n: f"bad {n}" for n in numbers if n == 5
        }

    def opened():
        return RowStore(tmp_path, "rows", "k", 9, (2,), np.float32)

    opened().fill(each(compute), 4)
    for path in sorted(tmp_path.glob("rows-*")):
        sound = path.read_bytes()
        for bit in range(0, 8 * len(sound), 5):
            broken = bytearray(sound)
            broken[bit // 8] ^= 1 << bit % 8
            path.write_bytes(broken)
            store = opened()
            store.fill(each(compute), 4)
            assert store.state.tolist() == [1, 1, 1, 1, 1, 2, 1, 1, 1], (path, bit)
            assert store.rows[:5].tolist() == [[n, 2 * n] for n in range(5)], (path, bit)
            assert list(store.reasons) == [5], (path, bit)


FULL_DISK = """
import shutil, subprocess, sys
from collections import namedtuple
from pathlib import Path
import numpy as np
from c4t_core.errors import TrainingError
from c4t_core.training.sources import RowStore
folder = Path(sys.argv[1])
mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder])
if mounted.returncode:
    sys.exit(77)
shutil.disk_usage = lambda path: namedtuple("Usage", "free")(1 << 40)  # as it was at the start
store = RowStore(folder, "rows", "k", 64, (4096,), np.uint8)
try:
    rows = lambda numbers: (np.full((len(numbers), 4096), 7, np.uint8), {})
    store.fill(lambda blocks: (rows(numbers) for numbers in blocks), 4)
except TrainingError as error:
    print(error)
again = RowStore(folder, "rows", "k", 64, (4096,), np.uint8)
print("kept", 0 < np.count_nonzero(again.state) < 64, (again.rows[again.state == 1] == 7).all())
"""


def test_a_disk_that_fills_up_under_a_store_is_said(tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare to mount a small disk with")
    words = ["unshare", "--map-root-user", "--mount", sys.executable, "-c", FULL_DISK, tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode in (1, 77) and "Traceback" not in done.stderr:
        pytest.skip(f"no small disk may be mounted here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stdout
    assert "it goes on from here" in done.stdout
    assert done.stdout.endswith("kept True True\n")


def test_store_refuses_a_disk_without_room(tmp_path):
    with pytest.raises(TrainingError, match="free some space"):
        RowStore(tmp_path, "rows", "k", 10**12, (1000,), np.float32)


@pytest.fixture(scope="module")
def model():
    return DualEncoder(TINY)


@pytest.mark.parametrize(
    ("how", "image", "text"),
    [
        ("none", "free", "free"),
        ("image", "frozen", "free"),
        ("text", "free", "frozen"),
        ("encoders", "frozen", "frozen"),
        ("partial", "part", "frozen"),
    ],
)
def test_freezing(model, how, image, text):
    freeze(model, how)
    learning = [p.requires_grad for p in model.image_encoder.parameters()]
    found = "free" if all(learning) else "part" if any(learning) else "frozen"
    assert found == image
    assert is_frozen(model.text_encoder) == (text == "frozen")
    assert not is_frozen(model.image_head)
    set_training(model, frozen_norm=False)
    assert model.image_head.training
    assert model.text_encoder.training == (text != "frozen")
    if image == "part":
        assert not learning[0]  # from the pixels up
        assert learning[-1]


def test_frozen_statistics_stay(model):
    freeze(model, "none")
    set_training(model, frozen_norm=True)
    before = copy.deepcopy(learning_state(model))
    model.encode_image(torch.randint(0, 255, (4, 64, 64, 3), dtype=torch.uint8))
    assert all(torch.equal(before[key], value) for key, value in learning_state(model).items())
    set_training(model, frozen_norm=False)
    model.encode_image(torch.randint(0, 255, (4, 64, 64, 3), dtype=torch.uint8))
    assert any(not torch.equal(before[key], value) for key, value in learning_state(model).items())


def test_groups_hold_the_original_rates(model):
    towers = Towers(model, Criterion("siglip"))
    freeze(model, "none")
    groups = parameter_groups(towers, request.REFERENCE_OPTIONS)
    assert [(g["lr"], g["weight_decay"]) for g in groups] == [
        (1e-4, 0.0),
        (1e-5, 0.0),
        (1e-3, 1e-3),
        (1e-3, 0.0),
    ]
    assert sum(len(g["params"]) for g in groups) == len(list(towers.parameters()))
    freeze(model, "encoders")
    assert len(parameter_groups(towers, request.REFERENCE_OPTIONS)) == 2


def test_noise_is_as_long_as_asked_for_and_only_while_training(model):
    rows = torch.randn(200, 384) * 7
    moved = (noisy(rows, 0.5) - rows).norm(dim=-1) / rows.norm(dim=-1)
    assert moved.mean().item() == pytest.approx(0.5, abs=0.02)
    assert noisy(rows, 0.0) is rows
    towers = Towers(model, Criterion("infonce"), text_noise=1.0).eval()
    images, texts = torch.randn(2, 512), TextBatch(torch.randn(2, 32), torch.empty(0))
    assert torch.equal(towers.embed(images, texts)[1], towers.embed(images, texts)[1])
    towers.train()
    model.text_head.eval()  # no dropout: only the noise is left
    assert not torch.equal(towers.embed(images, texts)[1], towers.embed(images, texts)[1])


def test_checkpoint_of_another_shape_is_refused(model):
    freeze(model, "encoders")
    state = learning_state(model)
    assert all(not name.startswith("text_encoder.bert.transformer") for name in state)
    state["text_head.mix.weight"] = torch.zeros(3, 3)
    with pytest.raises(TrainingError, match="does not fit"):
        load_learning_state(model, state)


def test_augmentation_is_seeded_and_bounded():
    pixels = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)
    one = augmented(pixels, [1, 2, 2**62])
    assert one.shape == (3, 32, 32, 3)
    assert one.dtype == torch.float32
    assert one.min() >= 0
    assert one.max() <= 255
    assert torch.equal(one, augmented(pixels, [1, 2, 2**62]))
    assert not torch.equal(one[0], augmented(pixels, [9, 2, 3])[0])


def test_augmentation_never_mirrors():
    # captions say left and right; also neither side is up and down
    for sides in ([250, 0, 0, 0], [250, 250, 0, 0], [250, 0, 250, 0]):  # corners, row by row
        corners = torch.tensor(sides, dtype=torch.uint8).reshape(2, 2)
        image = corners.repeat_interleave(16, 0).repeat_interleave(16, 1)  # (32, 32)
        varied = augmented(image[None, :, :, None].repeat(64, 1, 1, 3), list(range(64)))
        seen = varied[:, ::31, ::31].mean(dim=3)  # (64, 2, 2)
        bright = seen > varied.mean(dim=(1, 2, 3))[:, None, None]
        assert (bright == (corners > 0)).all()


def test_captions_are_cut_and_padded():
    tokens = Tokens(tiny_tokenizer()["tokenizer.json"], 8)
    captions = Captions(["a red car", "a " * 100, "x\udc80y"], tokens)
    batch = captions.tokens([0, 1])
    assert batch.data.shape == batch.mask.shape == (2, 8)
    assert batch.mask.sum(dim=1).tolist() == [5, 8]
    assert batch.data[0, 5:].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loss": "triplet"}, "triplet"),
        ({"batch": 1}, "batch is 1"),
        ({"image_rate": float("nan")}, "image_rate"),
        ({"validation_share": 1.0}, "validation_share"),
    ],
)
def test_options_out_of_bounds_are_named(change, said):
    with pytest.raises(TrainingError, match=said):
        request.with_changes(request.LITE_OPTIONS, change).validate()


def test_identity_is_what_decides_the_weights(tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("image,caption\n")
    one = TrainingRequest(pairs, tmp_path / "a").identity()
    assert TrainingRequest(pairs, tmp_path / "b", name="x", blend=0.5).identity() == one
    assert TrainingRequest(pairs, tmp_path / "a", preset="reference").identity() != one
    changed = TrainingOptions(seed=1)
    assert TrainingRequest(pairs, tmp_path / "a", options=changed).identity() != one
    pairs.write_text("image,caption\nx,y\n")
    assert TrainingRequest(pairs, tmp_path / "a").identity() != one


def test_reference_preset_is_the_original():
    options = request.PRESET_OPTIONS["reference"]
    assert (options.loss, options.batch, options.epochs) == ("original", 16, 6)
    assert (options.image_rate, options.text_rate, options.head_rate) == (1e-4, 1e-5, 1e-3)
    assert (options.schedule, options.patience, options.factor) == ("plateau", 1, 0.5)
    assert (options.weight_decay, options.validation_share) == (1e-3, 0.2)


@pytest.mark.parametrize("how", ["none", "partial", "image", "encoders"])
def test_object_maps_are_never_changed_by_captions(how):
    image = dataclasses.replace(
        TINY.image, pooling="levels", objects=ObjectsConfig(("car",), channels=8)
    )
    model = DualEncoder(dataclasses.replace(TINY, image=image))
    freeze(model, how)
    set_training(model, frozen_norm=False)
    objects = model.image_encoder.objects
    before = {name: value.clone() for name, value in objects.state_dict().items()}
    pixels = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
    model.encode_image(pixels).square().sum().backward()
    assert all(parameter.grad is None for parameter in objects.parameters())
    for name, value in objects.state_dict().items():  # running statistics included
        torch.testing.assert_close(value, before[name])
    learns = any(p.grad is not None for p in model.image_encoder.trunk.parameters())
    assert learns == (how in ("none", "partial"))
