"""The losses against slow loops, hand-worked numbers and numerical gradients."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from c4t_core.training import losses  # noqa: E402

N, D = 5, 4


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    return tuple(torch.randn(N, D, generator=generator, dtype=torch.float64) for _ in range(3))


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def unit(row):
    length = math.sqrt(dot(row, row))
    return [float(x) / length for x in row]


def softmax(row):
    top = max(row)
    weights = [math.exp(x - top) for x in row]
    return [w / sum(weights) for w in weights]


def slow_cross_entropy(logits, targets):
    total = 0.0
    for row, wanted in zip(logits, targets, strict=True):
        total -= sum(t * math.log(p) for t, p in zip(wanted, softmax(row), strict=True))
    return total / len(logits)


def transpose(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def slow_original(images, texts, tau):
    n = len(images)
    logits = [[dot(texts[i], images[j]) / tau for j in range(n)] for i in range(n)]
    targets = [
        softmax([(dot(images[i], images[j]) + dot(texts[i], texts[j])) / 2 * tau for j in range(n)])
        for i in range(n)
    ]
    return (
        slow_cross_entropy(logits, targets)
        + slow_cross_entropy(transpose(logits), transpose(targets))
    ) / 2


def slow_cosines(images, texts, scale):
    return [[scale * dot(unit(a), unit(b)) for b in texts] for a in images]


def slow_info_nce(images, texts, scale):
    logits = slow_cosines(images, texts, scale)
    eye = [[float(i == j) for j in range(len(logits))] for i in range(len(logits))]
    return (slow_cross_entropy(logits, eye) + slow_cross_entropy(transpose(logits), eye)) / 2


def slow_siglip(images, texts, scale, bias):
    logits = slow_cosines(images, texts, scale)
    total = 0.0
    for i, row in enumerate(logits):
        for j, value in enumerate(row):
            sign = 1 if i == j else -1
            total += math.log1p(math.exp(-sign * (value + bias)))
    return total / len(logits)


def slow_soft_text(images, texts, scale, meaning, temperature):
    logits = slow_cosines(images, texts, scale)
    targets = [softmax(row) for row in slow_cosines(meaning, meaning, 1 / temperature)]
    return (
        slow_cross_entropy(logits, targets) + slow_cross_entropy(transpose(logits), targets)
    ) / 2


@pytest.mark.parametrize("tau", [1.0, 0.5, 2.0])
def test_original_equals_slow_loops(batch, tau):
    images, texts, _ = batch
    assert float(losses.original_loss(images, texts, tau)) == pytest.approx(
        slow_original(images, texts, tau), rel=1e-9
    )


def test_the_others_equal_slow_loops(batch):
    images, texts, meaning = batch
    log_scale, bias = torch.tensor(1.3, dtype=torch.float64), torch.tensor(-2.0)
    scale = math.exp(1.3)
    assert float(losses.info_nce(images, texts, log_scale)) == pytest.approx(
        slow_info_nce(images, texts, scale), rel=1e-9
    )
    assert float(losses.siglip(images, texts, log_scale, bias)) == pytest.approx(
        slow_siglip(images, texts, scale, -2.0), rel=1e-9
    )
    assert float(losses.soft_text_targets(images, texts, log_scale, meaning, 0.2)) == pytest.approx(
        slow_soft_text(images, texts, scale, meaning, 0.2), rel=1e-5
    )


def test_original_by_hand():
    # I = T = rows (1, 0) and (0, 1): L = identity, P = softmax(identity) = [p, q; q, p] with
    # p = e/(e+1), q = 1/(e+1); log softmax(L) has log p and log q in the same places.
    eye = torch.eye(2)
    p, q = math.e / (math.e + 1), 1 / (math.e + 1)
    expected = -(p * math.log(p) + q * math.log(q))
    assert float(losses.original_loss(eye, eye)) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(0.582203, abs=1e-6)


def test_original_does_not_normalise(batch):
    images, texts, _ = batch
    assert float(losses.original_loss(2 * images, texts)) != pytest.approx(
        float(losses.original_loss(images, texts)), rel=1e-3
    )


def test_info_nce_by_hand():
    # Orthogonal pairs at scale s = log 3: each row is (log 3, 0), so p = 3/4 and loss log 4/3.
    eye = torch.eye(2)
    loss = losses.info_nce(5 * eye, eye, torch.tensor(math.log(math.log(3.0))))
    assert float(loss) == pytest.approx(math.log(4 / 3), abs=1e-6)


def test_siglip_by_hand():
    # One pair, cosine 1, t = 10, b = -10: logit 0, loss log 2.
    one = torch.tensor([[2.0, 0.0]])
    loss = losses.siglip(one, one, torch.tensor(math.log(10.0)), torch.tensor(-10.0))
    assert float(loss) == pytest.approx(math.log(2), abs=1e-6)


def test_equal_captions_share_their_target():
    # Two images of one caption: hard targets punish the right answer, soft ones do not.
    images = torch.eye(3)[[0, 0, 1]]
    texts, scale = images.clone(), torch.tensor(math.log(50.0))
    assert float(losses.info_nce(images, texts, scale)) > 0.4
    soft = losses.soft_text_targets(images, texts, scale, texts, 0.02)
    assert float(soft) == pytest.approx(math.log(2) * 2 / 3, abs=1e-3)  # entropy of the targets


def test_soft_targets_become_hard_ones(batch):
    images, texts, _ = batch
    scale = torch.tensor(1.0, dtype=torch.float64)
    soft = losses.soft_text_targets(images, texts, scale, torch.eye(N), 0.01)
    assert float(soft) == pytest.approx(float(losses.info_nce(images, texts, scale)), rel=1e-6)


def test_scale_is_bounded(batch):
    images, texts, _ = batch
    at_bound = losses.info_nce(images, texts, torch.tensor(math.log(100.0)))
    beyond = losses.info_nce(images, texts, torch.tensor(50.0))
    assert float(beyond) == pytest.approx(float(at_bound))


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradients(batch, name):
    images, texts, meaning = (tensor.clone().requires_grad_() for tensor in batch)
    log_scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    bias = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    calls = {
        "original": (losses.original_loss, (images, texts)),
        "infonce": (losses.info_nce, (images, texts, log_scale)),
        "siglip": (losses.siglip, (images, texts, log_scale, bias)),
        "soft-text": (
            lambda i, t, s: losses.soft_text_targets(i, t, s, meaning),
            (images, texts, log_scale),
        ),
    }
    function, inputs = calls[name]
    assert torch.autograd.gradcheck(function, inputs)


E = 3
WRONG = [[(3 * i + j) % 4 == 1 and i != j for j in range(N)] for i in range(N + E)]


def slow_way(logits, alike, wrong, extra=()):
    """Cross-entropy row by row: what is wrong is no target, what is unknown is in no sum."""
    total = 0.0
    for i, row in enumerate(logits):
        against = [logit for logit, known in extra[i] if known] if extra else []
        own = range(len(alike[i]))
        may = [j for j in own if not wrong[i][j]]
        shares = dict(zip(may, softmax([alike[i][j] for j in may]), strict=True))
        p = softmax([*(row[j] for j in own), *against])
        total -= sum(share * math.log(p[j]) for j, share in shares.items())
    return total / len(logits)


def both_ways(logits, alike):
    """Of images by texts, the last images going with no text."""
    wrong, across = [row[:N] for row in WRONG[:N]], transpose(WRONG)
    further = [[(logits[i][j], WRONG[i][j]) for i in range(N, N + E)] for j in range(N)]  # by text
    of_images = slow_way(logits[:N], alike, wrong)
    of_texts = slow_way(transpose(logits[:N]), alike, [row[:N] for row in across], further)
    return (of_images + of_texts) / 2


@pytest.fixture
def marked(batch):
    generator = torch.Generator().manual_seed(4)
    more = torch.randn(E, D, generator=generator, dtype=torch.float64)
    images, texts, meaning = batch
    return torch.cat([images, more]), texts, meaning, torch.tensor(WRONG)


def test_what_is_wrong_equals_slow_loops(marked):
    images, texts, meaning, wrong = marked
    log_scale, scale = torch.tensor(1.3, dtype=torch.float64), math.exp(1.3)
    logits = slow_cosines(images, texts, scale)
    hard = [[0.0 if i == j else -1e9 for j in range(N)] for i in range(N)]
    assert float(losses.info_nce(images, texts, log_scale, wrong)) == pytest.approx(
        both_ways(logits, hard), rel=1e-9
    )
    alike = slow_cosines(meaning, meaning, 1 / 0.2)
    assert float(
        losses.soft_text_targets(images, texts, log_scale, meaning, 0.2, wrong)
    ) == pytest.approx(both_ways(logits, alike), rel=1e-5)
    bias = torch.tensor(-2.0, dtype=torch.float64)
    against = sum(
        math.log1p(math.exp(logits[i][j] - 2.0))
        for i in range(N, N + E)
        for j in range(N)
        if WRONG[i][j]
    )
    assert float(losses.siglip(images, texts, log_scale, bias, wrong)) == pytest.approx(
        slow_siglip(images[:N], texts, scale, -2.0) + against / N, rel=1e-9
    )


def test_original_puts_no_share_on_what_is_wrong(marked):
    images, texts, _, wrong = marked
    own = [[dot(images[i], images[j]) for j in range(N)] for i in range(N)]
    between = [[dot(texts[i], texts[j]) for j in range(N)] for i in range(N)]
    shares = []
    for j in range(N):  # of a text over images
        may = [i for i in range(N) if not WRONG[i][j]]
        known = softmax([(own[j][i] + between[j][i]) / 2 for i in may])
        shares.append([known[may.index(i)] if i in may else 0.0 for i in range(N)])
    logits = [[dot(texts[j], images[i]) for i in range(N + E)] for j in range(N)]
    kept = [[*range(N), *(i for i in range(N, N + E) if WRONG[i][j])] for j in range(N)]
    of_texts = -sum(
        sum(
            s * math.log(p)
            for s, p in zip(shares[j], softmax([logits[j][i] for i in kept[j]])[:N], strict=True)
        )
        for j in range(N)
    )
    of_images = slow_cross_entropy(transpose([row[:N] for row in logits]), transpose(shares))
    assert float(losses.original_loss(images, texts, 1.0, wrong)) == pytest.approx(
        (of_texts / N + of_images) / 2, rel=1e-9
    )


@pytest.mark.parametrize("name", losses.LOSSES)
def test_what_a_further_image_shows_of_other_texts_takes_no_part(marked, name):
    images, texts, meaning, wrong = marked
    wrong = torch.cat([wrong[:N], torch.zeros(E, N, dtype=torch.bool)])
    wrong[N, 2] = True
    images = images.clone().requires_grad_()
    texts = texts.clone().requires_grad_()
    criterion = losses.Criterion(name)
    criterion(images, texts, meaning, wrong).backward()
    assert images.grad[N].abs().max() > 0.0  # away from text 2
    assert images.grad[N + 1 :].abs().max() == 0.0
    none = criterion(images[:N], texts, meaning)
    nothing = criterion(images, texts, meaning, torch.zeros_like(wrong))
    assert nothing.item() == pytest.approx(none.item(), rel=1e-6)


def test_no_gradient_into_the_meaning(batch):
    images, texts, meaning = (tensor.clone().requires_grad_() for tensor in batch)
    losses.soft_text_targets(images, texts, torch.tensor(1.0), meaning).backward()
    assert meaning.grad is None
    assert images.grad is not None


@pytest.mark.parametrize(
    ("name", "learned"),
    [
        ("original", set()),
        ("infonce", {"log_scale"}),
        ("soft-text", {"log_scale"}),
        ("siglip", {"log_scale", "bias"}),
    ],
)
def test_criterion_learns_only_what_it_uses(batch, name, learned):
    criterion = losses.Criterion(name)
    assert {key for key, _ in criterion.named_parameters()} == learned
    images, texts, meaning = (tensor.clone().requires_grad_() for tensor in batch)
    criterion(images, texts, meaning).backward()
    assert all(parameter.grad is not None for parameter in criterion.parameters())


@pytest.mark.parametrize("name", losses.LOSSES)
def test_half_precision_is_computed_in_full(batch, name):
    half = [tensor.half() for tensor in batch]
    loss = losses.Criterion(name)(*half)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


def test_unknown_loss():
    with pytest.raises(ValueError, match="triplet"):
        losses.Criterion("triplet")
