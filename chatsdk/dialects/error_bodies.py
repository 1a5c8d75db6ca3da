"""Decodes the errors of backends and gateways as `Failure`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from chatsdk.dialects.finish_reasons import GOOGLE
from chatsdk.parts import Failure
from chatsdk.sse import EventParser, ServerSentEvent

__all__ = ["envelope", "failure_in", "failure_said", "outside_events", "refusal", "told"]

# Characters of an upstream provider's message to add to a gateway's message.
RAW_CHARS = 1000

# Codes in {"code": ...} envelopes that mean success.
FINE = (0, 200, "0", "200", "success")

# Fields of an error alone: those of RFC 9457, and of handlers that report an exception.
PROBLEM = frozenset({"type", "title", "status", "detail", "instance", "exception", "traceback"})

# The start of a line in an event stream; `error` is not a field of the standard.
FIELD = re.compile(r"(?:data|event|id|retry|error)?:")

# An error on its own lines, outside an event, perhaps the last item of an array. The lookbehind
# prevents one search for each line in a long run of blank lines.
BARE_ERROR = re.compile(r'(?<![\s,\[])([\s,\[]+)(?=\{\s*"error"\s*:)')
ERROR_FIELD = re.compile(r"\nerror:(.*)")


def refusal(body: bytes, *, failed: bool) -> Failure | None:
    """Decode the common shapes of an error body, framed as events or not.

    These are ``{"error": "..."}``, ``{"error": {"message", "code" or "type"}}``, perhaps in an
    array, ``{"code", "message" or "msg"}``, ``{"detail": "..."}``, ``{"message": "..."}`` and the
    envelopes of MiniMax, Baidu, Tencent, Volcengine and Cloudflare. With `failed`, plain text is an
    error too, and a body without a known shape gives an empty message.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        framed = _framed(body) if FIELD.match(text) else None
        if framed is not None or not failed:
            return framed
        return Failure("" if text.startswith("<") else text[:1000])
    found = _refusal(value)
    if found is None and failed:
        return Failure(text[:1000])
    return found


def failure_in(value: dict[str, Any]) -> Failure:
    """Decode an object that is known to be an error, in the shapes that `refusal` knows."""
    found = _refusal(value)
    return Failure(json.dumps(value, ensure_ascii=False)) if found is None else found


def failure_said(text: str) -> Failure:
    """Decode text that is known to be an error: JSON or plain text."""
    try:
        # The end of an array may follow.
        value, _ = json.JSONDecoder().raw_decode(text.lstrip(" \t\r\n,["))
    except (ValueError, RecursionError):
        return Failure(text.strip())
    if isinstance(value, dict):
        return failure_in(value)
    return Failure(value if isinstance(value, str) else text.strip())


def outside_events(tail: bytes) -> Failure | None:
    """Return an error that ends a broken-off body, as JSON or as a field ``error:``.

    Google's servers send the JSON; google-genai 3.4.0 also joins such lines by their braces.
    """
    text = "\n" + tail.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    field = ERROR_FIELD.search(text)
    starts = (found.end() for found in BARE_ERROR.finditer(text) if "\n" in found[1])
    said = text[start:] if (start := next(starts, None)) is not None else field and field[1].strip()
    if not said:
        return None
    if said[0] in "{[":
        try:
            json.JSONDecoder().raw_decode(said)
        except (ValueError, RecursionError):
            # The error itself is truncated, so it is useless.
            return None
    return failure_said(said)


def told(event: ServerSentEvent) -> Failure | None:
    """Return the error in an event without other content, ``None`` if there is no error in it.

    Events with a name or a ``type`` of the application are its data, whatever they contain.
    """
    if event.event not in ("message", "error"):
        return None
    try:
        value = json.loads(event.data)
    except (ValueError, RecursionError):
        plain = event.event == "error" and event.data.strip() not in ("", "[DONE]")
        return Failure(event.data.strip()) if plain else None
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0].get("error"):
        # Google's shape.
        value = value[0]
    if event.event == "error" and isinstance(value, str) and value:
        return Failure(value)
    if not isinstance(value, dict):
        return None
    if event.event == "error":
        return failure_in(value)
    if value.get("object") == "error":
        # vLLM's error, whose `type` is the name of an exception.
        return failure_in(value)
    if value.keys() <= PROBLEM and (value.get("exception") or _is_http_error(value.get("status"))):
        return failure_in(value)
    if value.get("type", "error") != "error" or value.get("event", "error") != "error":
        return None
    if value.keys() <= {"detail", "status", "status_code"} and value.get("detail"):
        # FastAPI's error, which a server may send after the stream began.
        return failure_in(value)
    named = "error" in (value.get("type"), value.get("status")) or value.get("success") is False
    # Dify's error. Flowise has the words in `data`, and `auto` is to detect it first.
    named = named or ("event" in value and bool(_first_text(value, "message", "msg")))
    if named or value.get("error") or envelope(value) is not None:
        return failure_in(value)
    code = _code(value)
    if code is not None and code not in FINE and _first_text(value, "message", "msg"):
        return failure_in(value)
    return None


def _is_http_error(status: object) -> bool:
    return isinstance(status, int) and 400 <= status < 600


def _framed(body: bytes) -> Failure | None:
    """Return the error in a body that is an event stream."""
    parser = EventParser(max_event_bytes=max(1, len(body)) + 2)
    for event in parser.feed(body + b"\n\n"):
        found = told(event)
        if found is None and event.data.lstrip()[:1] == "{":
            try:
                found = _refusal(json.loads(event.data))
            except (ValueError, RecursionError):
                continue
        if found is not None:
            return found
    return failure_said(parser.errors[0]) if parser.errors else None


def _refusal(value: Any) -> Failure | None:
    if isinstance(value, list) and value and isinstance(value[0], dict) and "error" in value[0]:
        # Google's shape, also in its OpenAI-compatible API.
        value = value[0]
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, str) and error:
        said = value.get("message")
        return Failure(said if isinstance(said, str) and said else error, _code(value))
    if isinstance(error, dict) and error:
        return _object(error)
    if isinstance(error, list) and error:
        return _refusal({"error": error[0]}) or Failure(json.dumps(error, ensure_ascii=False))
    found = envelope(value)
    if found is not None:
        return found
    code = _code(value)
    said = _first_text(value, "message", "msg", "errorText", "detail", "exception", "title")
    inner = value.get("message")
    if said is None and code is not None and isinstance(inner, dict) and inner:
        # Mistral's, for a request that is not valid.
        said = json.dumps(inner.get("detail") or inner, ensure_ascii=False)
    if said is not None and code not in FINE[:-1]:
        return Failure(said, code)
    if code is not None and code not in FINE:
        return Failure(f"code {code}", code)
    if value.get("detail"):
        return Failure(json.dumps(value["detail"], ensure_ascii=False))
    return None


def _object(error: dict[str, Any]) -> Failure:
    code = _code(error)
    if isinstance(code, int) and isinstance(error.get("status"), str):
        # Google's status text is more precise than the number, which repeats the HTTP status.
        code = error["status"]
    if code is None:
        for name in ("type", "status"):
            if isinstance(error.get(name), str):
                code = error[name]
                break
    said = _first_text(error, "message", "msg", "detail")
    if said is None and isinstance(error.get("error"), (str, dict)) and error["error"]:
        # One error inside another.
        inner = _refusal(error)
        if inner is not None:
            return Failure(inner.message, code if inner.code is None else inner.code)
    return Failure(_with_cause(said or json.dumps(error, ensure_ascii=False), error), code)


def _with_cause(said: str, error: dict[str, Any]) -> str:
    """Add the message of the provider behind a gateway.

    Source: https://openrouter.ai/docs/api-reference/errors, ``metadata.raw``.
    """
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not raw:
        return said
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)
    return said if text in said else f"{said}: {text.strip()[:RAW_CHARS]}"


def envelope(value: dict[str, Any]) -> Failure | None:
    """Decode the error in an envelope that some backends put around every response."""
    for holder, code, *messages in _enveloped(value):
        said = _first_text(holder, *messages)
        number = holder.get(code)
        known = isinstance(number, (int, str)) and not isinstance(number, bool) and number != ""
        if known and number in FINE:
            continue
        if said is not None or known:
            return Failure(said or f"code {number}", number if known else None)
    return None


def _enveloped(value: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the objects that may be such an error, with the names of its code and message."""
    # MiniMax; a status of 0 means success.
    if isinstance(inner := value.get("base_resp"), dict):
        yield inner, "status_code", "status_msg"
    # Baidu; Databricks has the message under another name.
    if value.get("error_code"):
        yield value, "error_code", "error_msg", "error_message", "message", "msg"
    # RAGFlow before 0.12.
    if value.get("retcode"):
        yield value, "retcode", "retmsg"
    if value.get("error_message"):
        yield value, "code", "error_message"
    # Apigee and SOAP gateways.
    if isinstance(inner := value.get("fault"), dict):
        yield inner, "code", "faultstring", "message"
    # AWS: a Lambda function that raised, and a service.
    if value.get("errorMessage") and value.get("errorType"):
        yield value, "errorType", "errorMessage"
    if value.get("__type"):
        yield value, "__type", "message", "Message"
    # iFlytek.
    if isinstance(inner := value.get("header"), dict) and "code" in inner:
        yield inner, "code", "message"
    # Google's ADK.
    if value.get("errorCode"):
        # A model's finish reason, such as SAFETY, is not a failure.
        if GOOGLE.get(str(value["errorCode"]), "error") == "error":
            yield value, "errorCode", "errorMessage"
    # Tencent, with the envelope and without; its chat API omits it.
    for outer in (value.get("Response"), value):
        if isinstance(outer, dict):
            if isinstance(inner := outer.get("Error"), dict):
                yield inner, "Code", "Message"
            if isinstance(inner := outer.get("ErrorMsg"), dict):
                yield inner, "Code", "Msg"
    # Volcengine.
    if isinstance(outer := value.get("ResponseMetadata"), dict) and isinstance(
        inner := outer.get("Error"), dict
    ):
        yield inner, "Code", "Message"
    # Cloudflare. Without the flag, an empty list means success, and a list of texts an error.
    errors = value.get("errors")
    if isinstance(errors, list) and errors and value.get("success") is not True:
        first = errors[0]
        yield (first if isinstance(first, dict) else {"message": str(first)}), "code", "message"
    elif value.get("success") is False and not _first_text(value, "message", "msg", "detail"):
        messages = value.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else "the request failed"
        yield (first if isinstance(first, dict) else {"message": str(first)}), "code", "message"


def _code(value: dict[str, Any]) -> str | int | None:
    code = value.get("code")
    if isinstance(code, (str, int)) and not isinstance(code, bool) and code != "":
        return code
    return None


def _first_text(value: dict[str, Any], *names: str) -> str | None:
    for name in names:
        if isinstance(value.get(name), str) and value[name]:
            return str(value[name])
    return None
