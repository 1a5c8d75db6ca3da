"""`chatsdk.telemetry.instrument`: spans and metrics, with OpenTelemetry's own SDK."""

from __future__ import annotations

import gc
import json
import sys
import threading
from contextlib import ExitStack

import pytest

from chatsdk import (
    BackendError,
    Cancel,
    ChatClient,
    ChatSession,
    HTTPStatusError,
    Image,
    Timeout,
    Tool,
    telemetry,
    use_chat,
)
from chatsdk.answer import Usage
from chatsdk.session import Resume
from chatsdk.testing import ChatServer

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from chatsdk.telemetry import conventions
from chatsdk.telemetry.conventions import provider_of
from chatsdk.web import ChatService
from chatsdk.web.http_messages import WebRequest

# Longest wait for a fact, in seconds.
WAIT = 20.0

USAGE = Usage(input=5, output=7, total=12, reasoning=2, cached=1)


class Collected:
    """An SDK that keeps what it is given."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer = self.tracers.get_tracer("test")

    def instrument(self, client, **options):
        return telemetry.instrument(
            client, tracer_provider=self.tracers, meter_provider=self.meters, **options
        )

    @property
    def spans(self):
        return list(self._exporter.get_finished_spans())

    @property
    def span(self):
        (span,) = self.spans
        return span

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    @property
    def metrics(self) -> dict:
        """By name, the points of each metric: its attributes, count and sum."""
        data = self._reader.get_metrics_data()
        found = {}
        if data is not None:
            for resource in data.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        found[metric.name] = list(metric.data.data_points)
        return found

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


@pytest.fixture
def collected():
    found = Collected()
    yield found
    found.close()


@pytest.fixture
def server():
    with ChatServer() as server:
        yield server


def client_of(server, dialect="openai", **options):
    options.setdefault("defaults", {"model": "m"})
    return ChatClient(f"{server.url}/v1/chat/completions", dialect=dialect, **options)


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


# The span of a request ----------------------------------------------------------------------


def test_a_span(server, client, collected):
    """A request is a span of the kind CLIENT with what was asked and what was answered."""
    collected.instrument(client)
    server.answer("openai", "Hello to you.", usage=USAGE, id="a-1", model="m-2")
    client.ask("Hi", temperature=1, max_tokens=9, seed=3, stop="end", n=2).result()
    span = collected.span
    assert (span.name, span.kind, span.status.status_code) == (
        "chat m",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    attributes = dict(span.attributes)
    assert attributes.pop("gen_ai.response.time_to_first_chunk") > 0
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 1.0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 3,
        "gen_ai.request.stop_sequences": ("end",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.id": "a-1",
        "gen_ai.response.model": "m-2",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 1,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "server.address": "127.0.0.1",
        "server.port": server.port,
    }


SIX = {
    "openai": ({"model": "m"}, "openai", "chat m"),
    "anthropic": ({"model": "m", "max_tokens": 10}, "anthropic", "chat m"),
    "gemini": ({}, "gcp.gemini", "generate_content m"),
    "ollama": ({"model": "m"}, "ollama", "chat m"),
    "dify": ({"user": "u"}, "dify", "chat"),
    "openai_responses": ({"model": "m"}, "openai", "chat m"),
    "bedrock": ({}, "aws.bedrock", "chat m"),
}


@pytest.mark.parametrize("dialect", SIX)
def test_dialects(server, collected, dialect):
    """Each dialect has its provider and operation; usage and reason are those of the answer."""
    defaults, provider, name = SIX[dialect]
    path = {
        "gemini": "/v1beta/models/m:streamGenerateContent?alt=sse",
        "bedrock": "/model/m/converse-stream",
    }.get(dialect, "/chat")
    server.answer(dialect, "Hello.", usage=Usage(input=5, output=7))
    with ChatClient(
        server.url + path, dialect=dialect, defaults=defaults, exact_url=True
    ) as client:
        collected.instrument(client, content=True)
        answer = client.ask("Hi").result()
    span = collected.span
    assert span.name == name
    assert span.attributes["gen_ai.provider.name"] == provider
    assert span.attributes.get("gen_ai.usage.input_tokens") == answer.usage.input
    assert span.attributes.get("gen_ai.usage.output_tokens") == answer.usage.output
    reasons = span.attributes.get("gen_ai.response.finish_reasons")
    assert reasons == ((answer.finish_reason,) if answer.finish_reason else None)
    (message,) = json.loads(span.attributes["gen_ai.output.messages"])
    assert message["parts"] == [{"type": "text", "content": "Hello."}]
    (message,) = json.loads(span.attributes["gen_ai.input.messages"])
    assert message == {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}
    assert "time_to_first_chunk" in "".join(collected.metrics)


@pytest.mark.parametrize(
    ("dialect", "url", "provider"),
    [
        ("openai", "https://api.openai.com/v1", "openai"),
        ("openai", "https://one.openai.azure.com/openai", "azure.ai.openai"),
        ("openai", "https://api.groq.com/openai/v1", "groq"),
        ("openai", "https://api.x.ai/v1", "x_ai"),
        ("openai", "http://localhost:8000/v1", "openai"),
        ("gemini", "https://europe-west1-aiplatform.googleapis.com/v1", "gcp.vertex_ai"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta", "gcp.gemini"),
        ("bedrock", "https://bedrock-runtime.eu-west-1.amazonaws.com/", "aws.bedrock"),
        ("openai", "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1", "aws.bedrock"),
        ("openai", "https://vllm-12.us-east-1.elb.amazonaws.com/v1", "openai"),
        ("deepseek", "https://api.deepseek.com/", "deepseek"),
        ("ragflow", "https://ragflow.example.com/", "ragflow"),
        ("openai", "https://notapi.openai.com.example.com/", "openai"),
    ],
)
def test_providers(dialect, url, provider):
    """The provider is known by its host, else by the dialect."""
    assert provider_of(dialect, url) == provider


def test_the_names_are_those_of_the_conventions():
    """Every name that the conventions' own package has is written as there."""
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as attributes
    from opentelemetry.semconv._incubating.metrics import gen_ai_metrics as metrics

    known = {
        value
        for module in (attributes, metrics)
        for name, value in vars(module).items()
        if name.startswith("GEN_AI_") and isinstance(value, str)
    }
    ours = {value for value in vars(conventions).values() if str(value).startswith("gen_ai.")}
    from chatsdk.telemetry.request_attributes import OPTIONS

    assert (ours | set(OPTIONS)) - known == set()


# Errors, and ends ---------------------------------------------------------------------------


def test_a_refusal(server, client, collected):
    """A refusal ends the span with the status as its error; its words are not recorded."""
    collected.instrument(client)
    server.reply(401, json={"error": {"message": "your prompt was: secret"}})
    with pytest.raises(HTTPStatusError):
        client.ask("Hi")
    span = collected.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "401"
    assert "secret" not in span.to_json()
    (point,) = collected.metrics["gen_ai.client.operation.duration"]
    assert point.attributes["error.type"] == "401"
    assert set(collected.metrics) == {"gen_ai.client.operation.duration"}


def test_the_words_of_an_error_are_content(server, client, collected):
    """With ``content=True`` the status has the message of the error."""
    collected.instrument(client, content=True)
    server.reply(400, json={"error": {"message": "no such model"}})
    with pytest.raises(HTTPStatusError):
        client.ask("Hi")
    assert "no such model" in collected.span.status.description


def test_an_error_in_the_stream(server, client, collected):
    """An error in the middle has the backend's code, and what had arrived."""
    collected.instrument(client)
    script = server.answer("openai")
    script.say("Half")
    script.fail("sorry", "server_error")
    with pytest.raises(BackendError):
        client.ask("Hi").result()
    span = collected.span
    assert span.attributes["error.type"] == "server_error"
    assert "gen_ai.response.time_to_first_chunk" in span.attributes


def test_a_timeout(server, collected):
    """A backend that is silent is the error ``timeout``."""
    server.silent()
    with client_of(server, timeout=Timeout(first_event=0.1)) as client:
        collected.instrument(client)
        with pytest.raises(Exception, match="first"):
            client.ask("Hi")
    assert collected.span.attributes["error.type"] == "timeout"


def test_another_exception(server, collected):
    """An exception of the caller's function ends the span, and comes out as itself."""

    def token():
        raise LookupError("no key")

    with client_of(server, token=token) as client:
        collected.instrument(client)
        with pytest.raises(LookupError):
            client.ask("Hi")
    assert collected.span.attributes["error.type"] == "LookupError"
    assert trace.get_current_span() is trace.INVALID_SPAN


def opened(server, client):
    """A stream of which one word was read."""
    script = server.answer("openai")
    script.say("Half")
    stream = client.ask("Hi")
    while not next(stream).text:
        pass
    return stream


@pytest.mark.parametrize("how", ["stop", "close", "leave"])
def test_a_stopped_answer(server, client, collected, how):
    """An answer that the user ends is a span without an error."""
    collected.instrument(client)
    stream = opened(server, client)
    if how == "stop":
        stream.stop()
        list(stream)
    elif how == "close":
        stream.close()
    else:
        with stream:
            pass
    span = collected.span
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in span.attributes


def test_a_request_that_is_stopped_before_it_begins(server, client, collected):
    """A `Cancel` that was set before gives a span without an error."""
    collected.instrument(client)
    cancel = Cancel()
    cancel.set()
    client.ask("Hi", cancel=cancel)
    assert collected.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("read", [True, False])
def test_a_dropped_answer(server, client, collected, read):
    """The span of a dropped stream ends with the next request, at the time of the drop."""
    end = collected.instrument(client)
    if read:
        stream = opened(server, client)
    else:
        server.answer("openai", "Hello.")
        stream = client.ask("Hi")
    del stream
    gc.collect()
    assert collected.spans == []
    server.answer("openai", "Hello.")
    other = client.ask("Hi")
    dropped = collected.span
    assert dropped.status.status_code is StatusCode.UNSET
    other.result()
    assert len(collected.spans) == 2
    end()


def test_the_end(server, collected):
    """The function that is returned ends it, and first the spans of dropped streams."""
    with client_of(server) as client:
        end = collected.instrument(client)
        stream = opened(server, client)
        del stream
        gc.collect()
        end()
        assert len(collected.spans) == 1
        server.answer("openai", "Hello.")
        client.ask("Hi").result()
        assert len(collected.spans) == 1


@pytest.mark.parametrize("behind", [False, True], ids=["alone", "in a fallback"])
def test_the_end_of_a_replaced_one(server, collected, behind):
    """The function of an instrumentation that was replaced leaves the second one alone."""
    with client_of(server) as client:
        given = ChatClient.fallback(client) if behind else client
        first = collected.instrument(given)
        second = collected.instrument(given)
        for end, spans in ((first, 1), (second, 1)):
            end()
            server.answer("openai", "Hello.")
            client.ask("Hi").result()
            assert len(collected.spans) == spans


def test_a_document_is_not_streamed(server, client, collected):
    """An answer in one document has no time to a first chunk."""
    collected.instrument(client)
    server.reply(json={"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]})
    assert client.ask("Hi").result().text == "Hello."
    assert "gen_ai.response.time_to_first_chunk" not in collected.span.attributes
    assert "gen_ai.client.operation.time_to_first_chunk" not in collected.metrics


# Metrics ------------------------------------------------------------------------------------


def test_metrics(server, client, collected):
    """The four histograms of the conventions, with their units, boundaries and attributes."""
    collected.instrument(client)
    for _ in range(2):
        server.answer("openai", ["a", "b", "c"], usage=USAGE, model="m-2")
        client.ask("Hi").result()
    found = collected.metrics
    shared = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m-2",
        "server.address": "127.0.0.1",
        "server.port": server.port,
    }
    (duration,) = found["gen_ai.client.operation.duration"]
    assert dict(duration.attributes) == shared
    assert duration.count == 2
    assert duration.explicit_bounds[:3] == (0.01, 0.02, 0.04)
    assert duration.explicit_bounds[-1] == 81.92
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in found["gen_ai.client.token.usage"]
    }
    assert tokens == {"input": 10, "output": 14}
    assert found["gen_ai.client.token.usage"][0].explicit_bounds[-1] == 67108864
    (first,) = found["gen_ai.client.operation.time_to_first_chunk"]
    assert (first.count, dict(first.attributes)) == (2, shared)
    assert first.sum <= duration.sum
    (chunks,) = found["gen_ai.client.operation.time_per_output_chunk"]
    # For each answer the events after the first: three words, the reason and the usage.
    assert chunks.count >= 2 * 4


def test_no_usage_is_not_reported_as_none(server, client, collected):
    """Without counts from the backend there is no metric of tokens."""
    collected.instrument(client)
    server.answer("openai", "Hello.")
    client.ask("Hi").result()
    assert "gen_ai.client.token.usage" not in collected.metrics


# Content ------------------------------------------------------------------------------------


def test_no_content_unless_asked(server, client, collected):
    """Neither prompt nor answer is in a span or a metric."""
    collected.instrument(client)
    server.answer("openai", "the answer", reasoning="the thought")
    messages = [{"role": "system", "content": "the rule"}, {"role": "user", "content": "the q"}]
    client.ask(messages).result()
    said = "".join(span.to_json() for span in collected.spans) + str(collected.metrics)
    for word in ("the answer", "the thought", "the rule", "the q"):
        assert word not in said


def test_content(server, client, collected):
    """With ``content=True`` messages, tools and the answer are recorded by the conventions."""
    collected.instrument(client, content=True)
    server.answer(
        "openai",
        "Hello.",
        reasoning="A greeting.",
        tool_calls=[{"id": "c2", "name": "weather", "arguments": {"city": "Bergen"}}],
    )
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": ["Look", Image(data="aGk=", media_type="image/png")]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "user", "content": ["And \ud83d", Image("http://me:word@x/y.png?Signature=abc")]},
    ]
    tool = {"name": "weather", "description": "", "parameters": {"type": "object"}}
    client.ask(messages, tools=[tool]).result()
    attributes = collected.span.attributes
    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "Look"},
                {
                    "type": "blob",
                    "modality": "image",
                    "mime_type": "image/png",
                    "content": "aGk=",
                },
            ],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {}}],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}],
        },
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "And ?"},
                {"type": "uri", "modality": "image", "uri": "http://x/y.png"},
            ],
        },
    ]
    assert json.loads(attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "A greeting."},
                {"type": "text", "content": "Hello."},
                {
                    "type": "tool_call",
                    "id": "c2",
                    "name": "weather",
                    "arguments": {"city": "Bergen"},
                },
            ],
            "finish_reason": "tool_call",
        }
    ]
    assert json.loads(attributes["gen_ai.tool.definitions"]) == [
        {"type": "function", "name": "weather"}
    ]


def test_a_data_url_stays_whole(server, client, collected):
    """A picture's content in its URL has no query."""
    collected.instrument(client, content=True)
    server.answer("openai", "Hello.")
    url = "data:image/svg+xml,<?xml version='1.0'?>"
    client.ask([{"role": "user", "content": [Image(url)]}]).result()
    (message,) = json.loads(collected.span.attributes["gen_ai.input.messages"])
    assert message["parts"] == [{"type": "uri", "modality": "image", "uri": url}]


def test_the_content_of_a_body(server, client, collected):
    """The messages of a body given to `send` are read from it."""
    collected.instrument(client, content=True)
    for _ in range(2):
        server.answer("openai", "Hello.")
    client.send({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).result()
    client.send({"model": "m", "messages": "nonsense"}).result()
    first, second = collected.spans
    (message,) = json.loads(first.attributes["gen_ai.input.messages"])
    assert message["parts"] == [{"type": "text", "content": "Hi"}]
    assert "gen_ai.input.messages" not in second.attributes


# Parents, threads and tools -----------------------------------------------------------------


def parents(collected, inner, outer):
    """Whether each span of one name has the span of the other name as its parent."""
    (above,) = collected.named(outer)
    found = collected.named(inner)
    return bool(found) and {span.parent.span_id for span in found} == {above.context.span_id}


def test_the_callers_span_is_the_parent(server, client, collected):
    """A request belongs to the current span, which stays current for the caller's loop."""
    collected.instrument(client)
    server.answer("openai", ["a", "b"])
    with collected.tracer.start_as_current_span("view") as view:
        for _ in client.ask("Hi"):
            assert trace.get_current_span() is view
    assert parents(collected, "chat m", "view")


def test_in_map(server, client, collected):
    """The requests of `map` belong to the span that was current when it was called."""
    collected.instrument(client)
    for _ in range(5):
        server.answer("openai", "Hello.")
    with collected.tracer.start_as_current_span("batch"):
        outcomes = client.map(["a"] * 5, workers=3)
    list(outcomes)
    assert len(collected.named("chat m")) == 5
    assert parents(collected, "chat m", "batch")


@pytest.mark.parametrize("how", ["run", "start"])
def test_in_a_session(server, client, collected, how):
    """The requests of a turn, on any thread, belong to the span of the caller."""
    collected.instrument(client)
    server.answer("openai", "Hello.")
    with collected.tracer.start_as_current_span("view"):
        session = ChatSession(client)
        if how == "run":
            session.run("Hi")
        else:
            handle = session.start("Hi")
    if how == "start":
        handle.result(WAIT)
    assert parents(collected, "chat m", "view")


def test_in_a_service(server, client, collected):
    """The request of a web service's turn belongs to the span of the browser's request."""
    collected.instrument(client)
    server.answer("openai", "Hello.")
    body = {"id": "c", "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}]}
    data = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    with collected.tracer.start_as_current_span("view"):
        request = WebRequest("POST", "/chat", "/", {}, headers, lambda _: data, None)
        response = ChatService(client).respond(request)
    assert b"Hello." in b"".join(response.body)
    assert parents(collected, "chat m", "view")


def weather(city: str) -> str:
    """Return the weather."""
    if city == "Atlantis":
        raise LookupError("there is no such city")
    return f"It rains in {city}."


def asked_for(server, *cities, usage=None):
    calls = [
        {"id": f"c{number}", "name": "weather", "arguments": {"city": city}}
        for number, city in enumerate(cities)
    ]
    server.answer("openai", tool_calls=calls)
    server.answer("openai", "Take an umbrella.")


@pytest.mark.parametrize("parallel", [False, True])
def test_tools_are_spans_of_the_request_that_called_them(server, client, collected, parallel):
    """Each tool is a child span of its request, on whatever thread it runs."""
    collected.instrument(client)
    asked_for(server, "Oslo", "Bergen")
    inside = []

    def weather(city: str) -> str:
        """Return the weather."""
        inside.append(trace.get_current_span().get_span_context().span_id)
        return city

    tool = Tool(weather, parallel=True, timeout=WAIT) if parallel else weather
    ChatSession(client).run("Umbrella?", tools=[tool])
    first, second = collected.named("chat m")
    tools = collected.named("execute_tool weather")
    assert {span.parent.span_id for span in tools} == {first.context.span_id}
    assert second.parent is None
    assert sorted(inside) == sorted(span.context.span_id for span in tools)
    assert sorted(span.attributes["gen_ai.tool.call.id"] for span in tools) == ["c0", "c1"]
    assert {span.kind for span in tools} == {SpanKind.INTERNAL}
    assert dict(tools[0].attributes).keys() == {
        "gen_ai.operation.name",
        "gen_ai.tool.name",
        "gen_ai.tool.type",
        "gen_ai.tool.call.id",
    }


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("fallback", [False, True])
def test_tools_of_a_restored_session_are_spans(server, client, collected, parallel, fallback):
    """The request that called them is over, so they belong to the current span."""
    asked_for(server, "Oslo", "Bergen")
    tools = [Tool(weather, approve=True, parallel=parallel, timeout=WAIT)]
    waits = threading.Event()
    with ChatSession(client) as session:
        session.subscribe(lambda: waits.set() if session.pending else None)
        session.start("Umbrella?", tools=tools)
        assert waits.wait(WAIT)
        saved = json.loads(json.dumps(session.to_dict()))
    asking = ChatClient.fallback(client) if fallback else client
    collected.instrument(asking)
    with ChatSession.from_dict(saved, asking) as session:
        for pending in session.pending:
            session.approve(pending.id)
        with collected.tracer.start_as_current_span("view"):
            assert session.run(Resume(), tools=tools).text == "Take an umbrella."
    assert len(collected.named("execute_tool weather")) == 2
    assert parents(collected, "execute_tool weather", "view")
    assert parents(collected, "chat m", "view")


@pytest.mark.parametrize("content", [False, True])
def test_a_tool_that_fails(server, client, collected, content):
    """A tool that raises is an error of its span; its words and arguments only if asked for."""
    collected.instrument(client, content=content)
    asked_for(server, "Atlantis")
    ChatSession(client).run("Umbrella?", tools=[weather])
    (span,) = collected.named("execute_tool weather")
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "LookupError"
    assert ("Atlantis" in span.to_json()) is content
    assert ("no such city" in span.to_json()) is content


def test_the_span_of_requests_is_a_child(server, client, collected):
    """With the instrumentation of requests its span belongs to that of the chat."""
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.requests")
    instrumentor = instrumentation.RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=collected.tracers)
    try:
        collected.instrument(client)
        server.answer("openai", "Hello.")
        client.ask("Hi").result()
    finally:
        instrumentor.uninstrument()
    assert parents(collected, "POST", "chat m")


# Other clients ------------------------------------------------------------------------------


def test_a_fallback(collected):
    """Each backend that is asked is a span by itself, with its own provider."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(ChatServer()) for _ in range(2))
        first.reply(503, json={"error": {"message": "down"}})
        second.answer("ollama", "Hello.")
        fallback = ChatClient.fallback(
            client_of(first),
            ChatClient(f"{second.url}/api/chat", dialect="ollama", defaults={"model": "n"}),
        )
        collected.instrument(fallback)
        with fallback:
            fallback.ask("Hi").result()
    failed, answered = collected.spans
    assert (failed.name, failed.attributes["error.type"]) == ("chat m", "503")
    assert (answered.name, answered.attributes["gen_ai.provider.name"]) == ("chat n", "ollama")


def test_a_session_of_a_url(server, collected):
    """The client of `use_chat` is instrumented as ``session.client``."""
    server.answer("openai", "Hello.")
    url = f"{server.url}/v1/chat/completions"
    with use_chat(url, dialect="openai", defaults={"model": "m"}) as chat:
        collected.instrument(chat.client)
        chat.run("Hi")
    assert collected.span.name == "chat m"


def test_beside_the_log(server, client, collected, caplog):
    """The log of a request and its span do not disturb each other."""
    collected.instrument(client)
    server.answer("openai", "Hello.")
    with caplog.at_level("DEBUG", "chatsdk"):
        client.ask("Hi").result()
    assert collected.span.name == "chat m"
    assert "finished" in caplog.text


def test_many_threads(server, client, collected):
    """Requests of many threads at once are a span each."""
    collected.instrument(client)
    for _ in range(16):
        server.answer("openai", "Hello.")
    threads = [threading.Thread(target=lambda: client.ask("Hi").result()) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(collected.spans) == 16
    assert sum(point.count for point in collected.metrics[conventions.DURATION]) == 16


# Arguments ----------------------------------------------------------------------------------


def test_without_a_client(collected):
    """Anything but a client is a TypeError that shows what to give."""
    with pytest.raises(TypeError, match=r"session\.client"):
        collected.instrument("http://x/")


def test_without_opentelemetry(client, monkeypatch):
    """Without the package the error names it."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match="pip install opentelemetry-api"):
        telemetry.instrument(client)


def test_a_client_is_not_touched_by_another_ones(server, client, collected):
    """Only the client that was given is observed."""
    with client_of(server) as other:
        collected.instrument(other)
        server.answer("openai", "Hello.")
        client.ask("Hi").result()
    assert collected.spans == []
