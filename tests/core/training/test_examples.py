"""Real frames as numbers: kept in a model folder, measured by kind, rehearsed, and carried on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from c4t_core.errors import Cancelled, ModelError  # noqa: E402
from c4t_core.models.c4t import load_dual_encoder  # noqa: E402
from c4t_core.models.folder import read_manifest, write_manifest  # noqa: E402
from c4t_core.training import run as training_run  # noqa: E402
from c4t_core.training.events import Figures, Guarded, Retrieval  # noqa: E402
from c4t_core.training.examples import (  # noqa: E402
    EXAMPLES,
    Examples,
    Query,
    load_examples,
    save_examples,
)
from c4t_core.training.finetune import choose, fallen  # noqa: E402
from c4t_core.training.losses import Criterion  # noqa: E402
from c4t_core.training.request import TrainingOptions, TrainingRequest, from_plain  # noqa: E402
from c4t_core.training.session import train  # noqa: E402
from c4t_core.training.towers import Towers  # noqa: E402

NAN = float("nan")
COLOURS = ("red", "green", "blue", "yellow", "white", "black", "grey", "brown")  # of the shapes


def made(width: int = 5) -> Examples:
    rng = np.random.default_rng(0)
    return Examples(
        features=rng.normal(size=(6, width)).astype(np.float32),
        queries=(Query("night", ("at night", "dark")), Query("road", ("gravel",))),
        truth=np.array([[1, 0, 0, 1, NAN, 0], [NAN, 1, 0, 0, 0, 1]], np.float32),
        rehearsed=rng.normal(size=(4, width)).astype(np.float32) * 100,
        phrases=("fog", "a truck", "a truck in fog"),
        concepts=np.array([[0, 0], [1, 1], [1, 0]], np.int32),
        fits=np.array([[1, 0, NAN, 0.3], [0.25, 1, 0, NAN]], np.float32),
        weights=np.array([1.0, 0.5], np.float32),
    )


# --- the file --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["C", "F"])  # chosen columns of a table lie turned round
def test_what_is_written_is_read_to_a_part_in_255(tmp_path: Path, order: str) -> None:
    examples = made()
    turned = {
        name: np.asarray(getattr(examples, name), order=order)
        for name in ("features", "truth", "rehearsed", "fits", "concepts")
    }
    save_examples(tmp_path, dataclasses.replace(examples, **turned))
    found = load_examples(tmp_path, 5)
    assert found is not None
    assert (found.queries, found.phrases) == (examples.queries, examples.phrases)
    for name in ("truth", "fits", "concepts", "weights"):
        np.testing.assert_allclose(getattr(found, name), getattr(examples, name), atol=1e-6)
    both = np.concatenate([examples.features, examples.rehearsed])
    half_a_step = (both.max(axis=0) - both.min(axis=0)) / 255 / 2 * 1.001
    assert (np.abs(found.features - examples.features) <= half_a_step).all()
    assert (np.abs(found.rehearsed - examples.rehearsed) <= half_a_step).all()


def test_a_folder_without_or_with_a_later_file_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_examples(tmp_path, 5) is None
    save_examples(tmp_path, made())
    monkeypatch.setattr("c4t_core.training.examples.FORMAT", 2)
    assert load_examples(tmp_path, 5) is None


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = save_examples(tmp_path, made())
    with pytest.raises(ModelError, match=r"examples.safetensors .* the 7 numbers"):
        load_examples(tmp_path, 7)
    save_examples(tmp_path, dataclasses.replace(made(), truth=np.zeros((1, 6), np.float32)))
    with pytest.raises(ModelError, match="do not belong together"):
        load_examples(tmp_path, 5)
    path.write_bytes(b"no such file")
    with pytest.raises(ModelError, match=EXAMPLES):
        load_examples(tmp_path, 5)


def test_kinds_are_means_of_average_precision_over_what_is_known() -> None:
    examples = made()
    rng = np.random.default_rng(1)
    images = rng.normal(size=(6, 4)).astype(np.float32)
    texts = {t: rng.normal(size=4).astype(np.float32) for t in ("at night", "dark", "gravel")}

    def slow(text: str, truth: np.ndarray) -> float:
        known = [i for i in range(6) if not np.isnan(truth[i])]
        ranked = sorted(known, key=lambda i: -float(images[i] @ texts[text]))
        right = [truth[i] == 1 for i in ranked]
        parts = [sum(right[: n + 1]) / (n + 1) for n in range(len(right)) if right[n]]
        return sum(parts) / len(parts)

    found = examples.by_kind(images, texts)
    night = (slow("at night", examples.truth[0]) + slow("dark", examples.truth[0])) / 2
    assert found == pytest.approx({"night": night, "road": slow("gravel", examples.truth[1])})


# --- the choice ------------------------------------------------------------------------------


def figures(mix: float, held_out: float, **kinds: float) -> Figures:
    found = Retrieval(1, 1, held_out, held_out, {}, {})
    return Figures(mix, found, None, 0.9, 1.0, kinds)


def test_no_kind_may_fall_by_more_than_a_hundredth_where_that_can_be() -> None:
    before = figures(0.0, 0.5, night=0.57, road=0.89)
    a = figures(0.2, 0.52, night=0.565, road=0.89)
    b = figures(0.5, 0.60, night=0.555, road=0.90)
    c = figures(1.0, 0.70, night=0.415, road=0.91)
    assert fallen(before, c) == {"night": (0.57, 0.415)}
    assert choose(before, [before, a, b, c]).mix == 0.2
    assert choose(before, [before, b, c]).mix == 0.5  # .02 at most, where nothing costs less
    assert choose(before, [before, c]).mix == 0.0


def test_a_head_that_sees_standardised_features_answers_the_same(tiny_model_folder: Path) -> None:
    towers = Towers(load_dual_encoder(tiny_model_folder), Criterion("infonce"))
    before = {name: tensor.clone() for name, tensor in towers.model.state_dict().items()}
    width = towers.model.image_encoder.width
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(30, width, generator=generator) * torch.logspace(-2, 1, width) + 3
    rows[:, 5] = 3.0  # one that never varies
    plain = towers.model.image_head(towers.image_features(rows))
    towers.standardise(rows)
    seen = towers.image_features(rows)
    assert float(seen.mean(dim=0).abs().max()) < 1e-3
    assert float(seen.abs().max()) < 10
    assert torch.allclose(towers.model.image_head(seen), plain, atol=1e-3)
    towers.restore()
    after = towers.model.state_dict()
    assert all(torch.allclose(after[name], before[name], atol=1e-4) for name in before)


# --- runs ------------------------------------------------------------------------------------


@pytest.fixture
def base(shapes: Path, tiny_model_folder: Path, tmp_path: Path) -> Path:
    """Give a tiny model the shapes as examples: the colours of four drives, and of the others."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_model_folder, folder)
    model = load_dual_encoder(folder)
    frames = [
        shapes / f"drive{i}" / f"frame_{j:03d}.png" for i in range(8) for j in range(len(COLOURS))
    ]
    pixels = np.stack(
        [
            np.asarray(Image.open(path).resize((64, 64), Image.Resampling.BILINEAR))
            for path in frames
        ]
    )
    with torch.no_grad():
        features = model.image_encoder(torch.from_numpy(pixels)).numpy()
    truth = np.tile(np.eye(len(COLOURS), dtype=np.float32), (1, 4))  # colours by 32 frames
    save_examples(
        folder,
        Examples(
            features=features[:32],
            queries=tuple(
                Query("warm" if c in ("red", "yellow", "brown") else "cold", (f"a {c} car",))
                for c in COLOURS
            ),
            truth=truth,
            rehearsed=features[32:],
            phrases=tuple(text for c in COLOURS for text in (f"{c} car", f"a car, {c}")),
            concepts=np.repeat(np.arange(len(COLOURS)), 2)[:, None].repeat(2, 1).astype(np.int32),
            fits=truth,
            weights=np.ones(len(COLOURS), np.float32),
        ),
    )
    write_manifest(folder)
    return folder


@pytest.fixture
def request_to_tune(shapes: Path, base: Path, tmp_path: Path) -> TrainingRequest:
    return TrainingRequest(
        shapes / "pairs.csv",
        tmp_path / "run",
        base=str(base),
        device="cpu",
        options=TrainingOptions(
            loss="infonce", freeze="encoders", batch=16, epochs=3, validation_share=0.25,
            rehearse=0.5,
        ),
    )  # fmt: skip


def test_kinds_are_reported_and_the_examples_carried_on(
    request_to_tune: TrainingRequest, base: Path
) -> None:
    events: list[object] = []
    result = train(request_to_tune, on_event=events.append)
    guard = next(event for event in events if isinstance(event, Guarded))
    assert guard.before.kinds is not None
    assert set(guard.before.kinds) == {"warm", "cold"}
    assert guard.before.kinds != guard.after.kinds
    assert len(guard.tried) == 11  # what real frames tell is cheap to ask
    report = json.loads((result.output / "report.json").read_text(encoding="utf-8"))
    assert from_plain(Guarded, report["guard"]) == guard
    asked = json.loads((result.output / "request.json").read_text(encoding="utf-8"))
    assert asked["options"]["rehearse"] == 0.5
    assert "| real frames, warm, before and after |" in (result.model / "model_card.md").read_text()
    assert (result.model / EXAMPLES).read_bytes() == (base / EXAMPLES).read_bytes()
    assert EXAMPLES in read_manifest(result.model).files


def weights(result: object) -> dict[str, torch.Tensor]:
    loaded = torch.load(result.output / "best.pt", weights_only=True)  # type: ignore[attr-defined]
    state: dict[str, torch.Tensor] = loaded["state"]
    return state


def test_a_stopped_run_rehearses_on_as_an_uninterrupted_one(
    request_to_tune: TrainingRequest, tmp_path: Path
) -> None:
    request = dataclasses.replace(request_to_tune, guard=False)
    whole = weights(train(request))
    parts = dataclasses.replace(request, output=tmp_path / "parts")

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(parts, stop)
    resumed = weights(train(parts))
    assert all(torch.allclose(whole[name], resumed[name], rtol=0, atol=1e-6) for name in whole)
    bare = dataclasses.replace(
        request,
        output=tmp_path / "bare",
        options=dataclasses.replace(request.options, rehearse=0.0),
    )
    other = weights(train(bare))
    assert not all(torch.allclose(whole[name], other[name], rtol=0, atol=1e-6) for name in whole)


@pytest.mark.long
def test_what_is_rehearsed_is_kept_while_something_else_is_taught(
    request_to_tune: TrainingRequest, shapes: Path, tmp_path: Path
) -> None:
    """Colours are learnt first; then only grounds are taught, on frames of one colour."""
    lines = (shapes / "pairs.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines[1:]]
    colours = [f"{image},{caption.rpartition(' ')[0]},{drive}" for image, caption, drive in rows]
    places = [
        f"{image},the {caption.rpartition(' ')[2]},{drive}"
        for image, caption, drive in rows
        if " red " in caption
    ]
    options = dataclasses.replace(
        request_to_tune.options, epochs=25, validation_share=0.0, head_rate=3e-3
    )

    def taught(name: str, base: str | None, pairs: list[str], share: float) -> TrainingRequest:
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join([lines[0], *pairs]) + "\n", encoding="utf-8")
        return dataclasses.replace(
            request_to_tune,
            pairs=path,
            images=shapes,
            base=base,
            output=tmp_path / name,
            options=dataclasses.replace(options, rehearse=share),
            blend=1.0,
        )

    known = train(taught("colours", request_to_tune.base, colours, 0.5))
    forgot, kept = (
        train(taught(name, str(known.model), places, share))
        for name, share in (("forgot", 0.0), ("kept", 0.7))
    )
    assert forgot.guard is not None
    assert kept.guard is not None
    lost = fallen(forgot.guard.before, forgot.guard.after)
    assert lost
    for kind, (was, now) in lost.items():
        said = f"{kind} fell from {was:.2f} to {now:.2f}"
        assert any(said in warning for warning in forgot.warnings)
        assert kept.guard.after.kinds[kind] > now + (was - now) / 2


def test_an_encoder_that_learns_is_not_measured_by_what_the_old_one_saw(
    request_to_tune: TrainingRequest,
) -> None:
    options = dataclasses.replace(request_to_tune.options, freeze="none", epochs=1)
    result = train(dataclasses.replace(request_to_tune, options=options))
    assert result.guard is not None
    assert result.guard.after.kinds is None
    assert training_run.UNSEEN in result.warnings
    assert not (result.model / EXAMPLES).exists()
    assert EXAMPLES not in read_manifest(result.model).files


def test_texts_of_an_encoder_that_learns_are_measured_but_not_rehearsed(
    request_to_tune: TrainingRequest,
) -> None:
    options = dataclasses.replace(request_to_tune.options, freeze="image", epochs=1)
    guard = train(dataclasses.replace(request_to_tune, options=options)).guard
    assert guard is not None
    assert guard.after.kinds is not None
    assert guard.after.kinds != guard.before.kinds
