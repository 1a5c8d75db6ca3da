"""Transcripts from the types of a client of Dify's: run it to write the files again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dify_client import models
from dify_client.models import stream

FOLDER = Path(__file__).parent.parent / "transcripts" / "dify"

CREATED = 1790000000


def about(event: str) -> dict[str, Any]:
    return {
        "event": event,
        "task_id": "t1",
        "message_id": "m1",
        "conversation_id": "c1",
        "created_at": CREATED,
    }


def thought(**fields: str) -> stream.AgentThoughtStreamResponse:
    empty = {"thought": "", "observation": "", "tool": "", "tool_input": ""}
    return stream.AgentThoughtStreamResponse(
        **about("agent_thought"), id="a1", position=1, **(empty | fields)
    )


def said(text: str) -> stream.AgentMessageStreamResponse:
    return stream.AgentMessageStreamResponse(**about("agent_message"), answer=text)


def events() -> list[Any]:
    """The events of one agent's answer: a step with a tool, text, usage and sources."""
    usage = models.Usage(
        prompt_tokens=50,
        completion_tokens=20,
        total_tokens=70,
        prompt_unit_price="0.001",
        prompt_price_unit="0.001",
        prompt_price="0.05",
        completion_unit_price="0.002",
        completion_price_unit="0.001",
        completion_price="0.04",
        total_price="0.09",
        currency="USD",
        latency=0.77,
    )
    source = {
        "position": 1,
        "dataset_id": "ds-1",
        "dataset_name": "Pages",
        "document_id": "doc-1",
        "document_name": "Weather",
        "segment_id": "seg-1",
        "score": 0.9,
        "content": "Zürich 8 °C",
    }
    metadata = models.Metadata(usage=usage, retriever_resources=[source])
    return [
        thought(thought="The page "),
        thought(
            thought="The page says so.", tool="wind", tool_input='{"wind": {"city": "Zürich"}}'
        ),
        said("It is 8 °C "),
        said("in Zürich."),
        stream.MessageEndStreamResponse(**about("message_end"), metadata=metadata),
    ]


def workflow_events() -> list[Any]:
    """The events of one workflow run with a node that streams its text."""
    run = {"task_id": "t1", "workflow_run_id": "r1"}
    times = {"created_at": CREATED, "finished_at": CREATED, "elapsed_time": 0.5}
    node = {"id": "e1", "node_id": "n1", "node_type": "llm", "title": "LLM", "index": 1}
    whole = "It is 8 °C in Zürich 🙂."
    return [
        stream.WorkflowsStreamResponse(
            event="workflow_started",
            **run,
            data=models.WorkflowStartedData(
                id="r1", workflow_id="f1", inputs={"query": "How warm?"}, created_at=CREATED
            ),
        ),
        stream.WorkflowsStreamResponse(
            event="node_started",
            **run,
            data=models.NodeStartedData(**node, created_at=CREATED),
        ),
        *(
            stream.TextChunkStreamResponse(
                event="text_chunk",
                **run,
                data=stream.TextStreamData(text=text, from_variable_selector=["n1", "text"]),
            )
            for text in ("It is 8 °C ", "in Zürich ", "🙂.")
        ),
        stream.WorkflowsStreamResponse(
            event="node_finished",
            **run,
            data=models.NodeFinishedData(
                **node, **times, status="succeeded", outputs={"text": whole}
            ),
        ),
        stream.WorkflowsStreamResponse(
            event="workflow_finished",
            **run,
            data=models.WorkflowFinishedData(
                id="r1",
                workflow_id="f1",
                **times,
                status="succeeded",
                outputs={"answer": whole},
                total_tokens=23,
                total_steps=2,
            ),
        ),
    ]


BODIES = {"sdk_types": events, "sdk_types_workflow": workflow_events}


def body(name: str) -> bytes:
    """The events as Dify frames them."""
    return "".join(f"data: {event.model_dump_json()}\n\n" for event in BODIES[name]()).encode()


if __name__ == "__main__":
    for name in BODIES:
        (FOLDER / f"{name}.txt").write_bytes(body(name))
