"""Decodes citations in the shapes that several backends share, as `Citation`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from chatsdk.dialects.payload import as_list, as_name, as_number, extra_object, extra_objects
from chatsdk.parts import Citation

__all__ = ["documents_cited", "looked_up", "passages", "url_citation", "web_results"]

# Largest number of digits in a passage's number. RAGFlow's are below 500; int() refuses thousands
# of digits.
NUMBER_DIGITS = 6


def url_citation(annotation: object) -> Citation | None:
    """Decode OpenAI's ``url_citation``, nested as in chat completions or flat as in responses."""
    value = extra_object(annotation)
    if value.get("type") != "url_citation":
        return None
    inner = value.get("url_citation")
    source = value if inner is None else extra_object(inner)
    return Citation(
        title=as_name(source.get("title")),
        url=as_name(source.get("url")),
        snippet=as_name(source.get("content")),
    )


def web_results(values: object) -> Iterator[Citation]:
    """Decode search results sent next to the answer: URLs, or objects that contain one.

    The answer counts them from 1.
    """
    for place, item in enumerate(values if isinstance(values, list) else (), 1):
        if isinstance(item, str):
            yield Citation(url=item, position=place)
        elif isinstance(item, dict):
            yield Citation(
                title=as_name(item.get("title")),
                url=as_name(item.get("url")),
                snippet=as_name(item.get("snippet")),
                position=place,
            )


def documents_cited(values: object) -> Iterator[Citation]:
    """Decode Azure's citations of the user's own data; the answer refers to them as ``[doc1]``.

    Source: https://learn.microsoft.com/azure/ai-foundry/openai/references/on-your-data
    """
    for place, item in enumerate(extra_objects(values), 1):
        yield Citation(
            title=_first(item, "title", "filepath"),
            url=as_name(item.get("url")),
            document=_first(item, "filepath", "chunk_id", "id"),
            snippet=as_name(item.get("content")),
            score=as_number(item.get("rerank_score"))
            or as_number(item.get("original_search_score")),
            position=place,
        )


def looked_up(values: object) -> Iterator[Citation]:
    """Decode Open WebUI's ``sources``: passages, each with its metadata and distance."""
    place = 0
    for item in extra_objects(values):
        source = extra_object(item.get("source"))
        lists = (item.get(name) for name in ("metadata", "distances", "document"))
        facts, scores, texts = (each if isinstance(each, list) else [] for each in lists)
        for number, passage in enumerate(texts or [None]):
            fact = facts[number] if number < len(facts) else None
            fact = fact if isinstance(fact, dict) else {}
            urls = (source.get("url"), fact.get("url"), fact.get("source"), source.get("name"))
            place += 1
            yield Citation(
                title=_first(source, "name") or _first(fact, "name", "title", "source"),
                url=next((url for url in urls if _is_url(url)), None),
                document=_first(source, "id") or _first(fact, "file_id"),
                snippet=as_name(passage),
                score=as_number(scores[number]) if number < len(scores) else None,
                position=place,
            )


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def passages(reference: object) -> Iterator[Citation]:
    """Decode RAGFlow's ``reference``: its chunks as a list, or as an object keyed by their number.

    The text refers to them as ``[ID:n]``; n is the index in the list (from 0), or the key.
    """
    if isinstance(reference, dict):
        reference = reference.get("chunks")
    if isinstance(reference, dict):
        numbered: Iterable[tuple[object, Any]] = reference.items()
    else:
        numbered = enumerate(as_list(reference, "chunks"))
    for number, item in numbered:
        chunk = extra_object(item)
        if not chunk:
            continue
        yield Citation(
            title=_first(chunk, "document_name", "docnm_kwd", "doc_name"),
            url=_first(chunk, "url", "document_url"),
            document=_first(chunk, "document_id", "doc_id", "id", "chunk_id"),
            snippet=_first(chunk, "content", "content_with_weight"),
            score=as_number(chunk.get("similarity")),
            position=_number(number),
        )


def _first(value: dict[str, Any], *names: str) -> str | None:
    for name in names:
        found = as_name(value.get(name))
        if found is not None:
            return found
    return None


def _number(value: object) -> int | None:
    text = str(value)
    whole = text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS
    return int(text) if whole else None
