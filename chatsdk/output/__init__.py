"""Answers as objects: the schema to ask for, and the object, partial and complete."""

from __future__ import annotations

from chatsdk.output.shape import Mismatch, Shape, shape_of
from chatsdk.output.wanted import Wanted

__all__ = ["Mismatch", "Shape", "Wanted", "shape_of"]
