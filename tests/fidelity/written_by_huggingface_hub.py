"""Transcripts of the types of Hugging Face's own client for TGI: run it to write them again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from huggingface_hub import (
    TextGenerationStreamOutput,
    TextGenerationStreamOutputStreamDetails,
    TextGenerationStreamOutputToken,
)

FOLDER = Path(__file__).parent.parent / "transcripts" / "tgi"


def tokens(reason: str) -> list[TextGenerationStreamOutput]:
    """The tokens of one generation; the last one ends it."""
    words = [("It is", False), (" calm", False), (" 🙂", False), ("</s>", True)]
    outputs = [
        TextGenerationStreamOutput(
            index=place,
            token=TextGenerationStreamOutputToken(
                id=place, logprob=-0.5, special=special, text=word
            ),
        )
        for place, (word, special) in enumerate(words, 1)
    ]
    outputs[-1].generated_text = "It is calm 🙂"
    outputs[-1].details = TextGenerationStreamOutputStreamDetails(
        finish_reason=reason, generated_tokens=4, input_length=7
    )
    return outputs


def written(outputs: list[TextGenerationStreamOutput]) -> str:
    return "".join(
        f"data:{json.dumps(asdict(output), ensure_ascii=False)}\n\n" for output in outputs
    )


if __name__ == "__main__":
    for name, reason in {"sdk_types": "eos_token", "sdk_types_length": "length"}.items():
        body = written(tokens(reason))
        (FOLDER / f"{name}.txt").write_text(body, encoding="utf-8", newline="")
