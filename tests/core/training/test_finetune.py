"""Guards: blending by hand, choosing, the general set, and a run that forgets."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from c4t_core.models.config import ModelConfig  # noqa: E402
from c4t_core.models.folder import read_config, save_model  # noqa: E402
from c4t_core.models.graphs.export import export_onnx  # noqa: E402
from c4t_core.models.network import DualEncoder  # noqa: E402
from c4t_core.models.registry import load_model  # noqa: E402
from c4t_core.training import finetune  # noqa: E402
from c4t_core.training.events import Figures, Guarded, parse_event, to_line  # noqa: E402
from c4t_core.training.finetune import choose, forgotten, mixed  # noqa: E402
from c4t_core.training.request import TrainingOptions, TrainingRequest, from_plain  # noqa: E402
from c4t_core.training.session import train  # noqa: E402
from c4t_core.training.validation import Retrieval, relevance, retrieval  # noqa: E402
from tests.helpers.tiny_model import TINY, tiny_tokenizer  # noqa: E402


def figures(mix: float, held_out: float, meaning: float) -> Figures:
    found = Retrieval(1, 1, held_out, held_out, {}, {})
    return Figures(mix, found, None, meaning, 1.0)


def test_blend_by_hand():
    old = {"w": torch.tensor([0.0, 4.0]), "n": torch.tensor(3)}
    new = {"w": torch.tensor([1.0, 0.0]), "n": torch.tensor(9)}
    assert mixed(old, new, 0.25)["w"].tolist() == [0.25, 3.0]
    assert mixed(old, new, 0.25)["n"] == 9
    assert mixed(old, new, 0.0)["w"].tolist() == [0.0, 4.0]
    assert mixed(old, new, 1.0)["w"].tolist() == [1.0, 0.0]


def test_choice_is_the_best_that_did_not_forget():
    before = figures(0.0, 0.50, 0.90)
    tried = [before, figures(0.3, 0.60, 0.89), figures(0.6, 0.70, 0.85), figures(1.0, 0.8, 0.5)]
    assert forgotten(before, tried[2])
    assert not forgotten(before, tried[1])
    assert choose(before, tried).mix == 0.3
    assert choose(before, [before, tried[3]]).mix == 0.0


def test_among_equals_the_most_cautious_is_kept():
    before = figures(0.0, 0.50, 0.90)
    tried = [before, figures(0.5, 0.595, 0.9), figures(1.0, 0.60, 0.9)]
    assert choose(before, tried).mix == 0.5
    assert choose(before, [before, figures(0.5, 0.58, 0.9), tried[2]]).mix == 1.0
    assert choose(before, [before, figures(0.5, 0.5, 0.9), figures(1.0, 0.505, 0.9)]).mix == 1.0


def test_without_held_out_drives_half_of_each_is_kept():
    tried = [Figures(mix, None, None, 0.9, 1.0) for mix in (0.0, 0.5, 1.0)]
    assert choose(tried[0], tried).mix == 0.5


def test_relevance_and_retrieval_by_hand():
    names, relevant = relevance([["a", "b"], ["a"], ["c"]])
    assert names == ["a", "b", "c"]
    assert relevant.tolist() == [[True, True, False], [True, False, False], [False, False, True]]
    images = np.eye(3, dtype=np.float32)
    texts = np.array([[0.8, 0.6, 0], [0, 0.6, 0.8], [0, 0, 1]], dtype=np.float32)
    found = retrieval(images, texts, relevant)
    # a finds images 0 and 1 first: AP 1; b finds image 0 last: AP 1/3; c: 1
    assert found.text_map == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert found.text_recall["1"] == pytest.approx(2 / 3)
    # image 0 ranks a, then b and c (tied at 0, by place): AP 1; image 1: a and b tied at .6, AP 1
    assert found.image_map == pytest.approx(1.0)


def test_general_set_is_sound():
    sentences = finetune.sentences()
    assert len(sentences) == 3 * len(finetune.triplets())  # none stands twice
    perfect = np.zeros((len(sentences), len(finetune.triplets())), dtype=np.float32)
    place = {sentence: row for row, sentence in enumerate(sentences)}
    for number, (first, same, _) in enumerate(finetune.triplets()):
        perfect[[place[first], place[same]], number] = 1
    assert finetune.order_of_meanings(perfect) == 1.0
    assert finetune.rank_correlation(perfect, perfect) == pytest.approx(1.0)
    noise = np.random.default_rng(0).normal(size=perfect.shape).astype(np.float32)
    assert finetune.order_of_meanings(noise) < 0.8
    assert abs(finetune.rank_correlation(perfect, noise)) < 0.1


def test_sample_drive_has_captions():
    samples = finetune.sample_drive()
    assert len(samples) > 50
    assert all(sample.image.is_file() and sample.captions for sample in samples)


@pytest.fixture
def request_to_tune(shapes, tiny_model_folder, tmp_path):
    return TrainingRequest(
        shapes / "pairs.csv",
        tmp_path / "run",
        base=str(tiny_model_folder),
        device="cpu",
        general=shapes / "pairs.csv",
        general_images=shapes,
        options=TrainingOptions(
            loss="infonce", freeze="encoders", batch=16, epochs=2, validation_share=0.25
        ),
    )


def test_before_and_after_are_reported(request_to_tune, tiny_model_folder):
    events = []
    result = train(request_to_tune, on_event=events.append)
    guard = next(event for event in events if isinstance(event, Guarded))
    assert guard.before.mix == 0.0
    assert guard.after.mix == 1.0
    assert guard.before.kept == pytest.approx(1.0)
    assert guard.after.kept < 1.0
    assert guard.before.held_out.images == 16
    assert guard.before.general.images == 64
    assert guard.chosen.mix in (0.5, 1.0) or "alone" in " ".join(guard.warnings)
    report = json.loads((result.output / "report.json").read_text(encoding="utf-8"))
    assert from_plain(Guarded, report["guard"]) == guard
    assert "general set, before and after" in (result.model / "model_card.md").read_text()


def test_a_model_that_forgot_is_blended_and_says_so(request_to_tune, monkeypatch):
    # a general set that only the old weights answer: everything else counts as forgetting
    real = finetune.Guard.figures

    def forgetful(self, state, mix):
        found = real(self, state, mix)
        return dataclasses.replace(found, meaning=1.0 if mix <= 0.35 else 0.0)

    monkeypatch.setattr(finetune.Guard, "figures", forgetful)
    events = []
    result = train(request_to_tune, on_event=events.append)
    guard = next(event for event in events if isinstance(event, Guarded))
    assert len(guard.tried) == 11
    assert guard.chosen.mix <= 0.35
    assert any("forgot" in warning for warning in result.warnings)


def test_new_weights_that_do_not_help_are_blended_too(request_to_tune, monkeypatch):
    # held-out drives that a third of the way answers best, and the end worse than the start
    real = finetune.Guard.figures

    def bent(self, state, mix):
        found = real(self, state, mix)
        score = {0.0: 0.4, 0.3: 0.5, 1.0: 0.3}.get(mix, 0.2)
        held_out = dataclasses.replace(found.held_out, text_map=score, image_map=score)
        return dataclasses.replace(found, held_out=held_out, general=None, meaning=1.0)

    monkeypatch.setattr(finetune.Guard, "figures", bent)
    result = train(request_to_tune)
    assert result.guard.chosen.mix == 0.3
    assert any("did not help" in w and "blend with 30%" in w for w in result.warnings)


def test_chosen_blend_is_what_is_saved(request_to_tune, tiny_model_folder):
    from c4t_core.models.folder import load_state

    request = dataclasses.replace(request_to_tune, blend=0.5)
    result = train(request)
    assert result.guard.chosen.mix == 0.5
    old, saved = load_state(tiny_model_folder), load_state(result.model)
    new = torch.load(result.output / "best.pt", weights_only=True)["state"]
    name = "text_head.mix.weight"
    expected = (old[name] + new[f"model.{name}"]) / 2
    assert torch.allclose(saved[name], expected, atol=1e-3)  # stored as float16
    assert not torch.allclose(saved[name], new[f"model.{name}"], atol=1e-3)


@pytest.mark.long
def test_a_model_of_the_former_lite_preset_opens_and_learns(request_to_tune, tmp_path):
    # 224 pixels, averages of the last map: its own config.json says so, whatever lite is today
    former = {
        "name": "lite",
        "image": {"architecture": "tf_efficientnet_lite0", "features": 1280, "pooling": "avg"},
        "text": TINY.to_dict()["text"],  # smaller than its own
        "preprocess": {
            "size": 224,
            "resize": "squash",
            "interpolation": "bilinear",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "version": 1,
        },
        "projection": 32,
        "dropout": 0.1,
        "format_version": 1,
    }
    config = ModelConfig.from_dict(former)
    state = DualEncoder(config).state_dict()
    assert state["image_head.projection.weight"].shape == (32, 1280)
    folder = save_model(tmp_path / "former", config, state, tiny_tokenizer(), "# f\n", export_onnx)
    assert json.loads((folder / "config.json").read_text()) == former
    options = dataclasses.replace(request_to_tune.options, epochs=1)
    header, *lines = request_to_tune.pairs.read_text("utf-8").splitlines()
    pairs = tmp_path / "few.csv"  # its frames are large: a fifth of them will do
    pairs.write_text("\n".join([header, *lines[::5]]) + "\n", "utf-8")
    request = dataclasses.replace(request_to_tune, pairs=pairs, images=request_to_tune.pairs.parent)
    request = dataclasses.replace(request, base=str(folder), guard=False, options=options)
    result = train(request)
    assert read_config(result.model) == config
    image = Image.new("RGB", (96, 72), "red")
    for opened in (folder, result.model):
        assert load_model(str(opened)).encode_images([image]).shape == (1, 32)


def test_words_in_8_bits_stay_until_the_text_encoder_learns(request_to_tune, tmp_path):
    config = dataclasses.replace(TINY, text=dataclasses.replace(TINY.text, table="int8"))
    state = DualEncoder(config).state_dict()
    folder = save_model(tmp_path / "m", config, state, tiny_tokenizer(), "# m\n", export_onnx)
    for freeze, table in (("encoders", "int8"), ("image", "half")):
        options = dataclasses.replace(request_to_tune.options, epochs=1, freeze=freeze)
        output = tmp_path / freeze
        result = train(
            dataclasses.replace(
                request_to_tune, base=str(folder), guard=False, options=options, output=output
            )
        )
        assert read_config(result.model).text.table == table
        stored = [(path / "text.safetensors").read_bytes() for path in (folder, result.model)]
        assert (stored[0] == stored[1]) == (table == "int8")


def test_a_model_of_format_1_learns(request_to_tune):
    made = Path(__file__).resolve().parents[2] / "made_by_0_1" / "data" / "models" / "tiny"
    assert (made / "model.safetensors").is_file()
    options = dataclasses.replace(request_to_tune.options, epochs=1)
    result = train(
        dataclasses.replace(request_to_tune, base=str(made), guard=False, options=options)
    )
    assert (result.model / "image.safetensors").is_file()
    rows = [load_model(str(folder)).encode_texts(["a car"])[0] for folder in (made, result.model)]
    assert 0.5 < float(rows[0] @ rows[1]) < 0.99999


def test_a_small_gain_over_few_queries_is_no_clear_difference():
    rng = np.random.default_rng(0)
    low, high = finetune.interval(rng.normal(0.009, 0.2, 56))  # 28 images, 28 captions
    assert low < 0 < high
    low, high = finetune.interval(np.full(56, 0.009))  # every query gains
    assert 0 < low <= high
    assert finetune.interval(np.array([0.5])) is None


def test_what_was_gained_is_told_with_its_interval(request_to_tune, capsys):
    from c4t_core.commands.train import Teller

    result = train(request_to_tune)
    gain = result.guard.chosen.held_out_score - result.guard.before.held_out_score
    low, high = result.guard.gained
    assert low - 1e-9 <= gain <= high + 1e-9
    read = json.loads((result.output / "report.json").read_text())
    assert read["guard"]["gained"] == [low, high]
    found = Retrieval(28, 28, 0.309, 0.309, {}, {})
    old = dataclasses.replace(found, text_map=0.3, image_map=0.3)
    states = [Figures(mix, by, None, 0.9, 1.0) for mix, by in ((0.0, old), (1.0, found))]
    for span, said in (((-0.02, 0.04), "No clear difference"), ((0.004, 0.014), "It got better")):
        told = Guarded(states[0], states[1], states[1], tuple(states), (), span)
        assert parse_event(to_line(told)) == told
        Teller().tell(told)
        assert f"{said} on the held-out drives: +0.009" in capsys.readouterr().out
