"""Types to ask for, in every kind that `output=` takes, and values that fit them."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Any, Literal, NamedTuple

import attrs
from hypothesis import strategies as st
from typing_extensions import NotRequired, TypedDict

__all__ = ["KINDS", "Cat", "Colour", "Dog", "Kind", "Point", "Recipe", "Tree", "extends"]


class Colour(enum.Enum):
    RED = "red"
    REDDISH = "reddish"
    BLUE = "blue"


@attrs.define
class Recipe:
    title: str
    steps: list[str]
    minutes: int | None = None
    colour: Colour = Colour.RED
    tags: frozenset[str] = frozenset()
    eaten: datetime.date | None = None


@dataclasses.dataclass(frozen=True)
class Cat:
    kind: Literal["cat"]
    name: str
    lives: int = 9


@dataclasses.dataclass(frozen=True)
class Dog:
    kind: Literal["dog"]
    name: str


class Point(TypedDict):
    x: float
    y: NotRequired[float]
    label: NotRequired[str]


@attrs.frozen
class Tree:
    pets: list[Cat | Dog]
    points: tuple[Point, ...]
    notes: dict[str, str | int | bool | None]
    pair: tuple[str, int] | None = None
    anything: Any = None


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "colour": {"enum": ["red", "reddish", None, 3]},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
        "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "boolean"}}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {
        "row": {
            "type": "object",
            "properties": {"at": {"type": "number"}, "words": {"type": "string"}},
            "required": ["at"],
        }
    },
}

_text = st.text(max_size=12)
_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_cat = st.fixed_dictionaries(
    {"kind": st.just("cat"), "name": _text}, optional={"lives": st.integers(0, 99)}
)
_dog = st.fixed_dictionaries({"kind": st.just("dog"), "name": _text})
_point = st.fixed_dictionaries({"x": _numbers}, optional={"y": _numbers, "label": _text})
_recipe = st.fixed_dictionaries(
    {"title": _text, "steps": st.lists(_text, max_size=4)},
    optional={
        "minutes": st.none() | st.integers(-5, 500),
        "colour": st.sampled_from(["red", "reddish", "blue"]),
        "tags": st.lists(_text, max_size=3, unique=True),
        "eaten": st.none() | st.dates().map(str),
    },
)
_tree = st.fixed_dictionaries(
    {
        "pets": st.lists(_cat | _dog, max_size=3),
        "points": st.lists(_point, max_size=3),
        "notes": st.dictionaries(
            _text, _text | st.integers() | st.booleans() | st.none(), max_size=4
        ),
    },
    optional={
        "pair": st.none() | st.tuples(_text, st.integers()).map(list),
        "anything": st.recursive(
            st.none() | st.booleans() | _numbers | _text,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
            max_leaves=6,
        ),
    },
)
_schema = st.fixed_dictionaries(
    {"name": _text},
    optional={
        "colour": st.sampled_from(["red", "reddish", None, 3]),
        "rows": st.lists(
            st.fixed_dictionaries({"at": _numbers}, optional={"words": _text}), max_size=3
        ),
        "either": _text | st.lists(st.booleans(), max_size=3),
    },
)


class Kind(NamedTuple):
    """A type, and JSON values of it.

    Attributes:
        output: as for ``output=``.
        values: the JSON values.
        wrapped: the document is ``{"value": ...}``.
    """

    output: Any
    values: st.SearchStrategy[Any]
    wrapped: bool = False


KINDS: dict[str, Kind] = {
    "attrs": Kind(Recipe, _recipe),
    "nested": Kind(Tree, _tree),
    "dataclass": Kind(Cat, _cat),
    "typed_dict": Kind(Point, _point),
    "list": Kind(list[Recipe], st.lists(_recipe, max_size=3), True),
    "union": Kind(Cat | Dog, _cat | _dog, True),
    "list_of_union": Kind(list[Cat | Dog | str], st.lists(_cat | _dog | _text, max_size=4), True),
    "enum": Kind(Colour, st.sampled_from(["red", "reddish", "blue"]), True),
    "text": Kind(str, _text, True),
    "schema": Kind(SCHEMA, _schema),
    "schema_of_array": Kind(
        {"type": "array", "items": {"type": "integer"}}, st.lists(st.integers(), max_size=5), True
    ),
}

try:
    import pydantic
except ImportError:
    pass
else:

    class Ingredient(pydantic.BaseModel):
        name: str
        grams: int = 100
        parts: list[Ingredient] = []

    class Meal(pydantic.BaseModel):
        title: str = pydantic.Field(alias="name")
        colour: Colour | None = None
        main: Ingredient | None = None
        eaten: datetime.date | None = None
        guests: set[str] = set()

    _leaf = st.fixed_dictionaries({"name": _text}, optional={"grams": st.integers(0, 900)})
    _ingredient = st.fixed_dictionaries(
        {"name": _text}, optional={"parts": st.lists(_leaf, max_size=2)}
    )
    KINDS["pydantic"] = Kind(
        Meal,
        st.fixed_dictionaries(
            {"name": _text},
            optional={
                "colour": st.none() | st.sampled_from(["red", "reddish"]),
                "main": st.none() | _ingredient,
                "eaten": st.none() | st.dates().map(str),
                "guests": st.lists(_text, max_size=3, unique=True),
            },
        ),
    )


def extends(before: Any, after: Any) -> bool:
    """Whether `after` takes nothing back of `before`."""
    if before is None or before == after:
        return True
    if isinstance(before, str):
        return isinstance(after, str) and after.startswith(before)
    if isinstance(before, (list, tuple)):
        return (
            type(after) is type(before)
            and len(after) >= len(before)
            and all(map(extends, before, after))
        )
    if isinstance(before, (set, frozenset)):
        return before <= after
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            name in after and extends(value, after[name]) for name, value in before.items()
        )
    if isinstance(before, (bool, int, float, enum.Enum, datetime.date)):
        return False
    if type(after) is not type(before):
        return False
    return all(
        extends(getattr(before, name), getattr(after, name)) for name in names_in(type(before))
    )


def names_in(kind: Any) -> list[str]:
    if attrs.has(kind):
        return [field.name for field in attrs.fields(kind)]
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return list(kind.model_fields)
