"""Tools: functions for a model, their JSON schemas, and conversion of their arguments."""

from __future__ import annotations

from chatsdk.tools.signature import Signature, signature_of
from chatsdk.tools.tool import Tool, ToolRejected

__all__ = ["Signature", "Tool", "ToolRejected", "signature_of"]
