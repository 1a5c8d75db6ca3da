"""The schema that a model is given of a function, and how its arguments are read."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import sys
import threading
import typing
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Optional, TypedDict, Union

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.tools import signature_of
from chatsdk.tools.annotations import read_annotation


class Unit(enum.Enum):
    CELSIUS = "c"
    KELVIN = "k"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: int
    y: Annotated[float, "degrees"] = 0.0
    unit: Unit = Unit.KELVIN
    seen: bool = dataclasses.field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.x > 99:
            raise TypeError("x is below 100")


class Place(TypedDict):
    name: str
    points: list[Point]


class Stay(Place, total=False):
    days: int


@dataclasses.dataclass
class Tree:
    leaves: list[Tree]


class Some(TypedDict):
    a: typing.NotRequired[int]
    b: int


class AllBut(TypedDict, total=False):
    a: typing.Required[int]
    b: int


City = NewType("City", str)

POINT = {
    "type": "object",
    "properties": {
        "x": {"type": "integer"},
        "y": {"type": "number", "description": "degrees"},
        "unit": {"type": "string", "enum": ["c", "k"]},
    },
    "required": ["x"],
}


def null(schema):
    return {"anyOf": [schema, {"type": "null"}]}


STRING, INTEGER = {"type": "string"}, {"type": "integer"}

# Annotation, schema, JSON values with the arguments they become, JSON values that do not fit.
TABLE = [
    (int, INTEGER, [(3, 3), (3.0, 3), (-1, -1)], [True, 1.5, "1", None]),
    (float, {"type": "number"}, [(1, 1), (1.5, 1.5)], [False, "1"]),
    (bool, {"type": "boolean"}, [(True, True)], [1, "true"]),
    (str, STRING, [("", "")], [1, None]),
    (None, {"type": "null"}, [(None, None)], [0]),
    (Any, {}, [(None, None), ([1], [1])], []),
    (list, {"type": "array", "items": {}}, [([1, "a"], [1, "a"])], ["a", {}]),
    (list[int], {"type": "array", "items": INTEGER}, [([1.0], [1])], [["a"], 1]),
    (dict, {"type": "object"}, [({"a": 1}, {"a": 1})], [[1]]),
    (
        dict[str, Unit],
        {"type": "object", "additionalProperties": {"type": "string", "enum": ["c", "k"]}},
        [({"a": "k"}, {"a": Unit.KELVIN})],
        [{"a": "x"}],
    ),
    (Optional[int], null(INTEGER), [(1, 1), (None, None)], ["a"]),  # noqa: UP045
    (str | None, null(STRING), [("a", "a"), (None, None)], [1]),
    (Union[int, str], {"anyOf": [INTEGER, STRING]}, [(1, 1), ("a", "a")], [None]),  # noqa: UP007
    (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, [("b", "b")], ["c", 1]),
    (Literal["a", 1, None], {"enum": ["a", 1, None]}, [(1, 1), (None, None)], [True, 2]),
    (Unit, {"type": "string", "enum": ["c", "k"]}, [("c", Unit.CELSIUS)], ["CELSIUS"]),
    (Level, {"type": "integer", "enum": [1, 2]}, [(2, Level.HIGH)], [3, True]),
    (Annotated[int, "how many"], INTEGER | {"description": "how many"}, [(1, 1)], ["a"]),
    (Annotated[int, 7], INTEGER, [(1, 1)], []),
    (City, STRING, [("Rome", "Rome")], [1]),
    (Sequence[int], {"type": "array", "items": INTEGER}, [([1], [1])], [{"a": 1}]),
    (Iterable, {"type": "array", "items": {}}, [([1, "a"], [1, "a"])], ["a"]),
    (tuple[int, ...], {"type": "array", "items": INTEGER}, [([1.0], (1,)), ([], ())], [["a"]]),
    (tuple, {"type": "array", "items": {}}, [([1, "a"], (1, "a"))], [1]),
    (
        tuple[float, Unit],
        {
            "type": "array",
            "prefixItems": [{"type": "number"}, {"type": "string", "enum": ["c", "k"]}],
            "minItems": 2,
            "maxItems": 2,
        },
        [([1.5, "c"], (1.5, Unit.CELSIUS))],
        [[1.5], [1.5, "c", 1], ["c", 1.5], "ab"],
    ),
    (
        set[str],
        {"type": "array", "items": STRING},
        [(["a", "b", "a"], {"a", "b"})],
        ["a", [1]],
    ),
    (
        frozenset,
        {"type": "array", "items": {}},
        [([1], frozenset([1]))],
        [[{}]],
    ),
    (
        Mapping[str, int],
        {"type": "object", "additionalProperties": INTEGER},
        [({"a": 1}, {"a": 1})],
        [[1], {"a": "b"}],
    ),
    (
        Point,
        POINT,
        [({"x": 1}, Point(1)), ({"x": 1, "y": 2, "unit": "c"}, Point(1, 2, Unit.CELSIUS))],
        [1, {}, {"y": 1}, {"x": "1"}, {"x": 1, "z": 2}, {"x": 1, "seen": True}, {"x": 100}],
    ),
    (
        Stay,
        {
            "type": "object",
            "properties": {
                "name": STRING,
                "points": {"type": "array", "items": POINT},
                "days": INTEGER,
            },
            "required": ["name", "points"],
        },
        [
            ({"name": "a", "points": []}, {"name": "a", "points": []}),
            (
                {"name": "a", "points": [{"x": 1}], "days": 2.0},
                Stay(name="a", points=[Point(1)], days=2),
            ),
        ],
        [{"name": "a"}, {"name": 1, "points": []}, {"name": "a", "points": [{}]}, "a"],
    ),
    (
        list[Annotated[str | None, "a name"]],
        {"type": "array", "items": null(STRING) | {"description": "a name"}},
        [(["a", None], ["a", None])],
        [[1]],
    ),
]


@pytest.mark.parametrize(("hint", "schema", "fit", "unfit"), TABLE)
def test_annotations(hint, schema, fit, unfit):
    """Each annotation has its schema, and takes the values that the schema takes."""

    def function(x):
        return x

    function.__annotations__ = {"x": hint}
    signature = signature_of(function, "function")
    assert signature.parameters == {
        "type": "object",
        "properties": {"x": schema},
        "required": ["x"],
    }
    for value, argument in fit:
        read = signature.read({"x": value})["x"]
        assert read == argument
        assert type(read) is type(argument)
    for value in unfit:
        with pytest.raises(ValueError, match="the argument 'x' must be "):
            signature.read({"x": value})


def test_names_defaults_and_docstrings():
    """A default makes a parameter optional; the first paragraph describes the function."""

    def look(city: str, /, days: int = 1) -> str:
        """Look up the weather
        of a city.

        Not for the model.
        """

    def find(city, *, days: int = 1, unit: Unit = Unit.CELSIUS):
        """Find
        it.

        Not for the model.
        """
        return city, days, unit

    signature = signature_of(find, "find")
    assert signature.description == "Find it."
    assert signature.parameters["required"] == ["city"]
    assert list(signature.parameters["properties"]) == ["city", "days", "unit"]
    assert find(**signature.read({"city": [], "unit": "k"})) == ([], 1, Unit.KELVIN)
    with pytest.raises(TypeError, match="the parameter city of the tool 'look' cannot"):
        signature_of(look, "look")


class Tools:
    def method(self, x: int) -> int:
        """A method."""
        return x

    def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    "function",
    [
        Tools().method,
        Tools(),
        functools.partial(lambda y, x: x, 1),
        functools.partial(Tools().method),
        lambda x: x,
    ],
)
def test_whatever_can_be_called(function):
    """Methods, objects, partials and lambdas have a signature too."""
    signature = signature_of(function, "f")
    assert signature.parameters["required"] == ["x"]
    assert function(**signature.read({"x": 3})) == 3


async def asynchronous(x: int) -> int:
    return x


def lock(x: threading.Event) -> None: ...
def nameless(x: Missing) -> None: ...  # noqa: F821
def keys(x: dict[int, str]) -> None: ...
def many(*args: int) -> None: ...
def options(**options: int) -> None: ...
def positional(x: int, /) -> None: ...
def binary(x: Literal[b"a"]) -> None: ...
def endless(x: Tree) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lock, "the parameter 'x' of the tool 'f' is annotated with Event"),
        (nameless, "Missing"),
        (keys, r"'x' of the tool 'f' is annotated with dict\[int, str\]"),
        (binary, "'x' of the tool 'f'"),
        (endless, "annotated with Tree, which holds itself"),
        (many, r"parameter \*args of the tool 'f' cannot be given by its name"),
        (options, r"parameter \*\*options of the tool 'f' cannot be given by its name"),
        (positional, "parameter x of the tool 'f' cannot be given by its name"),
        (asynchronous, "a coroutine function: give a plain one"),
    ],
)
def test_what_has_no_schema(function, message):
    """The error names the parameter, and but for a coroutine the way out."""
    with pytest.raises(TypeError, match=message) as caught:
        signature_of(function, "f")
    assert '"call": function' in str(caught.value) or function is asynchronous


def test_where_it_is_wrong_is_said():
    """Inside objects and arrays the model learns the place, and valid values."""

    def go(stay: Stay): ...

    with pytest.raises(
        ValueError, match="'stay' must be an object, its 'points' an array, each "
    ) as e:
        signature_of(go, "go").read({"stay": {"name": "a", "points": [{"x": "1"}]}})
    assert str(e.value).endswith("each item an object, its 'x' an integer")
    with pytest.raises(ValueError, match=r"another Point \(x is below 100\)"):
        signature_of(go, "go").read({"stay": {"name": "a", "points": [{"x": 100}]}})


@pytest.mark.skipif(sys.version_info < (3, 11), reason="typing has NotRequired since 3.11")
def test_fields_that_may_be_left_out():
    """NotRequired and Required apply to a field, though annotations are kept as text here."""

    def go(x: Some, y: AllBut): ...

    found = signature_of(go, "go").parameters["properties"]
    assert [found[name]["required"] for name in "xy"] == [["b"], ["a"]]
    assert found["x"]["properties"]["a"] == INTEGER


def test_all_that_is_wrong_is_said():
    """The model learns in one message which arguments are missing and which are unknown."""

    def find(city: str, days: int): ...

    with pytest.raises(ValueError, match="missing argument 'days'; unknown argument 'day', 'x'"):
        signature_of(find, "find").read({"city": "a", "day": 1, "x": 2})


def described(function):
    """The description of a function, and those of its parameters."""
    signature = signature_of(function, "f")
    properties = signature.parameters["properties"]
    return signature.description, {
        name: schema["description"]
        for name, schema in properties.items()
        if "description" in schema
    }


def in_google_style(city: str, days: int = 1, unit: Annotated[str, "C or F"] = "C") -> None:
    """Tell the weather
    of a city.

    More about it.

    Args:
        city (str): its English name,
            without the country: as in an atlas
        days (int, optional): how many.

            At most seven.
        unit: is described better by its annotation
        other: is no parameter

    Returns:
        days: not this one
    """


def in_sphinx_style(city: str, days: int = 1) -> None:
    """Tell the weather of a city.
    :param city: its English name,
        without the country
    :type city: str
    :param int days: how many
    :returns: nothing
    """


def in_numpy_style(city: str, days: int = 1, *, hours: int = 0) -> None:
    """Tell the weather of a city.

    Parameters
    ----------
    city : str
        Its English name,
        without the country.
    days, hours : int, optional
        How many.

    Returns
    -------
    days
        Not this one.
    """


def without_a_summary(city: str) -> None:
    """
    Args:
        city: its name
    """


@pytest.mark.parametrize(
    ("function", "description", "parameters"),
    [
        (
            in_google_style,
            "Tell the weather of a city.",
            {
                "city": "its English name, without the country: as in an atlas",
                "days": "how many. At most seven.",
                "unit": "C or F",
            },
        ),
        (
            in_sphinx_style,
            "Tell the weather of a city.",
            {"city": "its English name, without the country", "days": "how many"},
        ),
        (
            in_numpy_style,
            "Tell the weather of a city.",
            {
                "city": "Its English name, without the country.",
                "days": "How many.",
                "hours": "How many.",
            },
        ),
        (without_a_summary, "", {"city": "its name"}),
    ],
)
def test_a_docstring_describes_the_parameters(function, description, parameters):
    """The three usual styles are read; an annotation's own text goes before them."""
    assert described(function) == (description, parameters)


def test_a_class_may_describe_them_where_it_takes_them():
    """The docstring of `__init__` counts if that of the class does not describe them."""

    class Forecast:
        """A forecast."""

        def __init__(self, city: str) -> None:
            """Make one.

            Args:
                city: its name
            """

    assert described(Forecast) == ("A forecast.", {"city": "its name"})


@given(st.text(alphabet=":-( )\n\tArgsParameters city", max_size=200))
def test_any_docstring_can_be_read(text):
    """No docstring makes a function unfit as a tool."""

    def tool(city: str, s: int = 0) -> None:
        pass

    tool.__doc__ = text
    description, parameters = described(tool)
    assert set(parameters) <= {"city", "s"}
    assert "\n" not in description


@attrs.define
class Parcel:
    weight: float
    _code: str = "none"
    seen: bool = attrs.field(default=False, init=False)


def test_an_attrs_class_is_built():
    """Its fields are an object's; a private one has its constructor's name only there."""
    schema, read = read_annotation(Parcel)
    assert schema == {
        "type": "object",
        "properties": {"weight": {"type": "number"}, "_code": {"type": "string"}},
        "required": ["weight"],
    }
    assert read({"weight": 2, "_code": "x"}) == Parcel(2, "x")
    with pytest.raises(ValueError, match="an object with 'weight'"):
        read({})


def test_a_model_of_pydantic_is_validated():
    """Its definitions are put where they are used, and its own errors are said."""
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        size: int

    class Outer(pydantic.BaseModel):
        inner: Inner
        others: tuple[Inner, ...] = ()

    schema, read = read_annotation(list[Outer])
    assert "$ref" not in str(schema)
    assert read([{"inner": {"size": 3}}]) == [Outer(inner=Inner(size=3))]
    with pytest.raises(ValueError, match="valid integer"):
        read([{"inner": {"size": "big"}}])


def test_a_validator_of_pydantic_may_raise_anything():
    """Its exception is an error of the arguments."""
    pydantic = pytest.importorskip("pydantic")

    class Place(pydantic.BaseModel):
        city: str

        @pydantic.field_validator("city")
        @classmethod
        def known(cls, city):
            return {"Rome": "IT"}[city]

    _, read = read_annotation(Place)
    with pytest.raises(ValueError, match="Paris"):
        read({"city": "Paris"})


def test_a_model_that_holds_itself_has_no_schema_inside_another():
    """The error names it."""
    pydantic = pytest.importorskip("pydantic")

    class Node(pydantic.BaseModel):
        label: str
        children: tuple[Node, ...] = ()

    Node.model_rebuild(_types_namespace={"Node": Node})
    with pytest.raises(TypeError, match="Node, which holds itself"):
        read_annotation(list[Node])


def test_dates_and_ids_are_texts():
    """Dates, times and UUIDs have a format, and are converted; other text is rejected."""
    schema, read = read_annotation(list[datetime.datetime])
    assert schema["items"] == {"type": "string", "format": "date-time"}
    noon = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.timezone.utc)
    assert read(["2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"]) == [noon, noon]
    for hint, text, value in (
        (datetime.date, "2026-01-31", noon.date()),
        (datetime.time, "12:00:00", noon.time()),
        (uuid.UUID, str(uuid.UUID(int=5)), uuid.UUID(int=5)),
    ):
        _, read = read_annotation(hint)
        assert read(text) == value
        for wrong in ("soon", 3, None):
            with pytest.raises(ValueError, match="a "):
                read(wrong)
