"""How an object is asked for: as the backends' own clients ask, and as their types allow."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest

from chatsdk import ChatClient, dialects
from chatsdk.client.objects import Asking
from chatsdk.messages import Message
from chatsdk.output import shape_of
from chatsdk.testing import ChatServer

pydantic = pytest.importorskip("pydantic")
pytest.importorskip("cattrs")
pytest.importorskip("jiter")

pytestmark = pytest.mark.filterwarnings("default")


class Step(pydantic.BaseModel):
    text: str
    minutes: int | None = None


class Recipe(pydantic.BaseModel):
    title: str
    steps: list[Step]
    kind: Literal["sweet", "savoury"]


TEXT = '{"title": "Pancakes", "steps": [{"text": "Fry.", "minutes": null}], "kind": "sweet"}'
OBJECT = Recipe(title="Pancakes", steps=[Step(text="Fry.")], kind="sweet")
MESSAGES = [{"role": "user", "content": "Pancakes?"}]
SCHEMA = Recipe.model_json_schema()


def body_of(dialect: str, by: str | None = None, **options: Any) -> dict[str, Any]:
    asking = Asking(shape_of(Recipe), by)
    return asking.body(dialects.get(dialect), [Message("user", "Pancakes?")], options, None)


def bare(schema: Any, *names: str) -> Any:
    """A schema without keywords that mean nothing for the answer."""
    if isinstance(schema, list):
        return [bare(item, *names) for item in schema]
    if not isinstance(schema, dict):
        return schema
    left_out = {"title", "default", "description", *names}
    if "enum" in schema:
        # Anthropic's client omits it for an enum.
        left_out.add("type")
    return {
        name: {key: bare(item, *names) for key, item in value.items()}
        if name in ("properties", "$defs")
        else bare(value, *names)
        for name, value in schema.items()
        if name not in left_out or name in ("properties", "$defs")
    }


def test_openai(server):
    """`parse` of OpenAI's client asks with the same format and gives the same object."""
    openai = pytest.importorskip("openai")
    server.answer("openai", TEXT)
    with openai.OpenAI(api_key="key", base_url=f"{server.url}/v1", max_retries=0) as api:
        with api.chat.completions.stream(
            model="m", messages=MESSAGES, response_format=Recipe
        ) as events:
            final = events.get_final_completion().choices[0].message.parsed
    server.answer("openai", TEXT)
    with ChatClient(server.url, dialect="openai") as client:
        answer = client.ask("Pancakes?", model="m", output=Recipe).result()
    assert final == answer.value == OBJECT
    theirs, ours = (request.json["response_format"] for request in server.requests)
    assert bare(ours["json_schema"]["schema"]) == bare(theirs["json_schema"]["schema"])
    assert ours["json_schema"]["strict"] is theirs["json_schema"]["strict"] is True
    assert ours["json_schema"]["name"] == theirs["json_schema"]["name"]


def test_openai_types():
    """The bodies of every way are of the client's own types."""
    pytest.importorskip("openai")
    from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
    from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

    for by in ("schema", "json", "tool"):
        body = body_of("openai", by, model="m")
        pydantic.TypeAdapter(CompletionCreateParamsStreaming).validate_python(body)
        body = body_of("openai_responses", by, model="m")
        pydantic.TypeAdapter(ResponseCreateParamsStreaming).validate_python(body)


def test_openai_responses(server):
    """`parse` of its client asks with the same format in ``text``."""
    openai = pytest.importorskip("openai")
    server.answer("openai_responses", TEXT)
    with openai.OpenAI(api_key="key", base_url=f"{server.url}/v1", max_retries=0) as api:
        with api.responses.stream(model="m", input="Pancakes?", text_format=Recipe) as events:
            final = events.get_final_response().output_parsed
    assert final == OBJECT
    theirs = server.requests[0].json["text"]["format"]
    ours = body_of("openai_responses", model="m")["text"]["format"]
    assert bare(ours["schema"]) == bare(theirs["schema"])
    assert {**ours, "schema": 0} == {**theirs, "schema": 0}


def test_anthropic(server):
    """Its client makes the same schema of the same model, and its types take the bodies."""
    anthropic = pytest.importorskip("anthropic")
    from anthropic.types.message_create_params import MessageCreateParamsStreaming

    server.answer("anthropic", TEXT)
    with anthropic.Anthropic(api_key="key", base_url=server.url, max_retries=0) as api:
        with api.messages.stream(
            model="m", max_tokens=100, messages=MESSAGES, output_format=Recipe
        ) as events:
            final = events.get_final_message().parsed_output
    assert final == OBJECT
    theirs = server.requests[0].json["output_config"]["format"]
    ours = body_of("anthropic", model="m")["output_config"]["format"]
    assert bare(ours["schema"]) == bare(theirs["schema"])
    assert ours["type"] == theirs["type"]
    for by in ("schema", "tool"):
        body = body_of("anthropic", by, model="m")
        pydantic.TypeAdapter(MessageCreateParamsStreaming).validate_python(body)


def test_gemini(server):
    """Its client sends the same configuration, and its types take the bodies."""
    genai = pytest.importorskip("google.genai")
    server.answer("gemini", TEXT)
    api = genai.Client(
        api_key="key", http_options=genai.types.HttpOptions(base_url=server.url, api_version="v1")
    )
    config = genai.types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=SCHEMA
    )
    pieces = api.models.generate_content_stream(model="m", contents="Pancakes?", config=config)
    assert Recipe.model_validate_json("".join(piece.text or "" for piece in pieces)) == OBJECT
    theirs = server.requests[0].json["generationConfig"]
    ours = body_of("gemini")["generationConfig"]
    assert bare(ours, "propertyOrdering") == bare(theirs)
    for by in ("schema", "json", "tool"):
        body = body_of("gemini", by)
        genai.types.GenerationConfig.model_validate(body.get("generationConfig", {}))
        genai.types.ToolConfig.model_validate(body.get("toolConfig", {}))


def test_ollama(server):
    """Its client sends the same ``format``, and its types take the bodies."""
    ollama = pytest.importorskip("ollama")
    from ollama._types import ChatRequest

    server.answer("ollama", TEXT)
    stream = ollama.Client(host=server.url).chat(
        model="m", messages=MESSAGES, stream=True, format=SCHEMA
    )
    assert Recipe.model_validate_json("".join(piece.message.content for piece in stream)) == OBJECT
    assert body_of("ollama", model="m")["format"] == server.requests[0].json["format"]
    for by in ("schema", "json"):
        ChatRequest.model_validate(body_of("ollama", by, model="m"))


def test_cohere():
    """The format is the one of its types."""
    cohere = pytest.importorskip("cohere")
    for by in ("schema", "json"):
        form = body_of("cohere", by, model="m")["response_format"]
        found = cohere.JsonObjectResponseFormatV2.model_validate(form)
        assert found.model_extra == {}
        assert json.loads(found.model_dump_json(exclude_none=True)) == form


def test_mistral():
    """Its types take the format, in chat completions and in conversations."""
    models = pytest.importorskip("mistralai.client.models")
    for by in ("schema", "json"):
        form = body_of("openai", by, model="m")["response_format"]
        assert models.ResponseFormat.model_validate(form).type == form["type"]
        args = body_of("mistral_conversations", by, model="m")["completion_args"]
        found = models.CompletionArgs.model_validate(args)
        assert found.response_format.type == form["type"]
    schema = body_of("mistral_conversations", model="m")["completion_args"]["response_format"]
    assert models.JSONSchema.model_validate(schema["json_schema"]).name == "Recipe"


def test_dashscope(server):
    """Its client sends the format in the same place."""
    dashscope = pytest.importorskip("dashscope")
    for by in ("json", "schema"):
        ours = body_of("dashscope", by, model="m")
        server.reply(400, json={"code": "InvalidParameter", "message": "no"})
        dashscope.Generation.call(
            "m",
            api_key="key",
            messages=MESSAGES,
            result_format="message",
            incremental_output=True,
            stream=False,
            base_address=f"{server.url}/api/v1",
            response_format=ours["parameters"]["response_format"],
        )
        theirs = server.requests[-1].json
        assert theirs["parameters"] == ours["parameters"]
    dashscope.api_entities.http_request.close_shared_sync_session()


def test_tgi(server):
    """Its client sends the same grammar."""
    hub = pytest.importorskip("huggingface_hub")
    errors = pytest.importorskip("huggingface_hub.errors")
    server.reply(500, json={"error": "no"})
    grammar = hub.TextGenerationInputGrammarType(type="json", value=SCHEMA)
    with pytest.raises(errors.HfHubHTTPError):
        hub.InferenceClient(model=server.url).text_generation("Hi", grammar=grammar)
    theirs = server.requests[0].json["parameters"]["grammar"]
    ours = body_of("tgi")["parameters"]["grammar"]
    assert theirs["type"] == ours["type"]
    assert bare(theirs["value"]) == bare(ours["value"])


def test_bedrock():
    """Amazon's own description of the request takes the bodies."""
    session = pytest.importorskip("botocore.session")
    from botocore.validate import ParamValidator

    service = session.get_session().get_service_model("bedrock-runtime")
    shape = service.operation_model("ConverseStream").input_shape
    for by in ("schema", "tool"):
        body = body_of("bedrock", by)
        report = ParamValidator().validate({"modelId": "m"} | body, shape)
        assert not report.has_errors(), report.generate_report()


def test_a_server_that_uses_pydantic(server: ChatServer):
    """The object that OpenAI's client gets through a gateway from Anthropic fits its own model."""
    openai = pytest.importorskip("openai")
    from chatsdk.web import Gateway

    server.answer("anthropic", TEXT)
    import threading
    from wsgiref.simple_server import make_server

    with ChatClient(server.url, dialect="anthropic", defaults={"model": "m"}) as client:
        with make_server("127.0.0.1", 0, Gateway(client)) as site:
            thread = threading.Thread(target=site.handle_request, daemon=True)
            thread.start()
            url = f"http://127.0.0.1:{site.server_port}/v1"
            with openai.OpenAI(api_key="key", base_url=url, max_retries=0) as api:
                parsed = api.chat.completions.parse(
                    model="any", messages=MESSAGES, response_format=Recipe
                )
            thread.join(30)
    assert parsed.choices[0].message.parsed == OBJECT
    asked = server.requests[0].json["output_config"]["format"]
    assert asked["type"] == "json_schema"
