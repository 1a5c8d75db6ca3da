from __future__ import annotations

import pytest

from chatsdk.dialects.citations import passages, url_citation, web_results
from chatsdk.dialects.payload import as_number
from chatsdk.errors import ProtocolError
from chatsdk.parts import Citation


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (0.5, 0.5),
        (1, 1.0),
        (True, None),
        ("0.5", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_scores(value, score):
    """A score is a finite number; without one two equal answers could differ."""
    assert as_number(value) == score


def test_numbers_of_passages():
    """Passages are counted from 0 in a list, and by their keys in an object."""
    chunk = {"content": "c", "docnm_kwd": "a.pdf", "doc_id": "d"}
    cited = Citation("a.pdf", document="d", snippet="c", position=0)
    assert list(passages([chunk])) == [cited]
    assert list(passages({"chunks": [chunk]})) == [cited]
    (numbered,) = passages({"chunks": {"412": chunk}})
    assert numbered.position == 412
    for key in ("x", "-1", "9" * 5000, "٣"):
        (unnumbered,) = passages({"chunks": {key: chunk}})
        assert unnumbered.position is None


def test_no_passages():
    """A reference without chunks cites nothing; chunks of another type are no passages."""
    assert list(passages({})) == list(passages(None)) == list(passages({"chunks": []})) == []
    with pytest.raises(ProtocolError, match="chunks"):
        list(passages({"chunks": 17}))


def test_addresses():
    """Search results are addresses or objects, counted from 1."""
    assert list(web_results(["https://a", {"url": "https://b", "title": "B"}, 17])) == [
        Citation(url="https://a", position=1),
        Citation("B", "https://b", position=2),
    ]


@pytest.mark.parametrize("nested", [False, True])
def test_url_citations(nested):
    """OpenAI's annotation is read nested and flat; other annotations cite nothing."""
    source = {"url": "https://a", "title": "A", "content": "c"}
    annotation = {"url_citation": source} if nested else source
    cited = Citation("A", "https://a", snippet="c")
    assert url_citation({"type": "url_citation", **annotation}) == cited
    assert url_citation({"type": "file_citation", **annotation}) is None
