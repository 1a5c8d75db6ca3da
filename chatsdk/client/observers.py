"""`observed`: makes the observation of a request, in the log and for telemetry."""

from __future__ import annotations

import logging

from chatsdk.client.observation import Both, Call, Observation, Observer

__all__ = ["observed"]

logger = logging.getLogger("chatsdk")


def observed(observer: Observer | None, call: Call) -> Observation | None:
    """Begin to observe a call: in the log if DEBUG is enabled, and with `observer`."""
    story: Observation | None = None
    if logger.isEnabledFor(logging.DEBUG):
        from chatsdk.client.request_log import Story

        story = Story(call.request, call.dialect, call.named)
    if observer is None:
        return story
    observation = observer(call)
    return observation if story is None else Both(story, observation)
