"""What a model is told of a function, and how the arguments that it sends become the function's."""

from __future__ import annotations

from chatsdk.tools.signature import Signature, signature_of

__all__ = ["Signature", "signature_of"]
