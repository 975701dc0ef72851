"""What the user types becomes terms, and terms become one unit vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4t_core.errors import ModelError, QueryError
from c4t_core.index.directions import embed_query
from c4t_core.index.query import Query, Term, parse_query
from tests.helpers.toy_model import ToyModel, save_picture


def terms(text: str) -> list[tuple[str | Path | None, float]]:
    return [(term.text or term.image, term.weight) for term in parse_query(text).terms]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a truck in snow", [("a truck in snow", 1)]),
        ("snow + truck - people", [("snow", 1), ("truck", 1), ("people", -1)]),
        ("2:truck + 0.5:rain - .5:night", [("truck", 2), ("rain", 0.5), ("night", -0.5)]),
        ("t-junction", [("t-junction", 1)]),
        ("stop-and-go + c++", [("stop-and-go", 1), ("c++", 1)]),
        ("- people", [("people", -1)]),
        ("+ people", [("people", 1)]),
        ("  a   b\tc ", [("a b c", 1)]),
        ("snow +truck", [("snow +truck", 1)]),
        ("at 10:30 in the morning", [("at 10:30 in the morning", 1)]),
        ("10:30", [("10:30", 1)]),
        ("@a.png", [(Path("a.png"), 1)]),
        ('2:@"a + b.png" - night', [(Path("a + b.png"), 2), ("night", -1)]),
        ("snow + @dir with space/a.png", [("snow", 1), (Path("dir with space/a.png"), 1)]),
        ("me@home.org", [("me@home.org", 1)]),
    ],
)
def test_syntax(text: str, expected: list[tuple[str | Path, float]]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("text", ["", "  \n", "+", "snow +", "- ", "snow + - truck", "0:truck"])
def test_empty_and_half_queries_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"[.]$"):
        parse_query(text)


@pytest.mark.parametrize("text", ["@", '@""', "snow + @", "2:@"])
def test_image_terms_need_a_path(text: str) -> None:
    with pytest.raises(QueryError, match="path"):
        parse_query(text)


words = st.from_regex(r"[a-zA-Zäß][a-zA-Zäß'-]{0,8}( [a-zA-Z]{1,6}){0,3}", fullmatch=True)
weights = st.floats(0.001, 999).map(lambda w: round(w, 4)) | st.just(1.0)
paths = st.from_regex(r"[a-z]{1,5}( [+-] [a-z]{1,4})?(/[a-z ]{1,5}[a-z])?\.png", fullmatch=True)
term = st.builds(
    lambda text, image, weight, sign: Term(
        None if image else text, Path(image) if image else None, sign * weight
    ),
    words,
    st.none() | paths,
    weights,
    st.sampled_from([1, -1]),
)


def written(term: Term, first: bool) -> str:
    sign = "- " if term.weight < 0 else "" if first else "+ "
    body = term.text if term.image is None else f'@"{term.image}"'
    return f"{sign}{abs(term.weight):.6f}:{body}"


@given(st.lists(term, min_size=1, max_size=5).map(lambda t: Query(tuple(t))))
def test_what_is_written_is_read_again(query: Query) -> None:
    text = " ".join(written(term, index == 0) for index, term in enumerate(query.terms))
    assert parse_query(text) == query


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_plainly(text: str) -> None:
    message = ""
    query = Query((Term(text="nothing"),))
    try:
        query = parse_query(text)
    except QueryError as error:
        message = str(error)
    assert not message or message.endswith(".")
    assert all(t.weight != 0 and (t.text or t.image) for t in query.terms)


def test_direction_is_the_weighted_sum_of_unit_terms(model: ToyModel, tmp_path: Path) -> None:
    picture = save_picture(tmp_path / "p.png", (220, 30, 30))
    query = parse_query(f"2:white - 0.5:black + @{picture}")
    white, black = model.encode_texts(["white", "black"]).astype(float)
    from c4t_core.images.decode import open_image

    red = model.encode_images([open_image(picture)])[0].astype(float)
    expected = 2 * white - 0.5 * black + red
    expected /= np.linalg.norm(expected)
    found = embed_query(query, model)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found), 1, atol=1e-6)


def test_terms_that_cancel_and_images_that_are_none(model: ToyModel, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="cancel"):
        embed_query(parse_query("white - white"), model)
    with pytest.raises(QueryError, match="gone"):
        embed_query(parse_query(f"@{tmp_path / 'absent.png'}"), model)
    with pytest.raises(QueryError, match="empty"):
        embed_query(Query(()), model)


def test_a_model_without_numbers_is_named(model: ToyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "encode_texts", lambda t: np.full((len(t), 48), np.nan, np.float32))
    with pytest.raises(ModelError, match="toy"):
        embed_query(parse_query("white"), model)
