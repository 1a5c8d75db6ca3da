"""orjson reads the payloads of events as the standard library does, or does not read them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsdk.dialects import payload
from chatsdk.dialects.payload import QUICK_CHARS, SCAN, UNSCANNABLE, scan_with

orjson = pytest.importorskip("orjson")

quick = scan_with(orjson.loads)


def result(scan, data):
    """The value, its types, the order of its members and its end; or that it is not JSON."""
    try:
        return repr(scan(data, 0))
    except UNSCANNABLE:
        return "no value"


LITERALS = [
    *("null", "true", "false", "NaN", "Infinity", "-Infinity", "nul", "undefined", "tru"),
    *("0", "-0", "-0.0", "0.0", "01", "1.", ".5", "+1", "1e5", "1E+5", "1e-5", "1e", "-"),
    *("1e308", "1e309", "-1e309", "1e400", "1e-400", "5e-324", "2.2250738585072011e-308"),
    *("9007199254740993", "9007199254740993.0", "0.1", "123456789012345678901234567890e-10"),
    *("999999999999999999", "9223372036854775807", "9223372036854775808", "18446744073709551615"),
    *("18446744073709551616", "-9223372036854775808", "-9223372036854775809", "1" * 400),
    *('"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\u00e9"', '"é😀"'),
    *('"\\u0000"', '"\x7f"', '"\t"', '"\n"', '"\\x"', '"\\/"', '"\\u12"', '"\u2028"', '"', "'a'"),
    *("[1,]", '{"a":1,}', "[1 2]", '{"a" 1}', "{1:2}", "[]", "{}", "[ ]", "\ufeff1", "\xa01", "1 "),
]
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats(allow_nan=True).map(json.dumps),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
)
STRINGS = st.text().flatmap(
    lambda text: st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])
)
# The names come from few, so that some come twice.
NAMES = st.one_of(st.sampled_from(['"a"', '"b"', '""', '"a\\u0062"', '"\\ud83d"', "a"]), STRINGS)
SPACE = st.sampled_from(["", "", "", " ", "\n\t", "\xa0"])


def containers(values):
    members = st.builds("{}{}:{}{}".format, NAMES, SPACE, SPACE, values)
    return st.one_of(
        st.lists(values, max_size=4).map(lambda found: f"[{','.join(found)}]"),
        st.lists(members, max_size=4).map(lambda found: f"{{{','.join(found)}}}"),
    )


VALUES = st.recursive(
    st.one_of(st.sampled_from(LITERALS), NUMBERS, STRINGS), containers, max_leaves=12
)
OBJECTS = st.lists(st.builds("{}:{}".format, NAMES, VALUES), max_size=4).map(
    lambda found: f"{{{','.join(found)}}}"
)


@given(st.one_of(OBJECTS, OBJECTS, VALUES, st.text(max_size=20)))
def test_the_same_values(data):
    """Any text gives the same value of the same types in the same order, or none in both."""
    assert result(quick, data) == result(SCAN, data)


@pytest.mark.parametrize("literal", LITERALS)
def test_the_same_literals(literal):
    """Text that the two read differently is read by the standard library."""
    for data in (literal, f'{{"a":{literal}}}', f'{{"a":[{literal}],"b":1,"a":2}}'):
        assert result(quick, data) == result(SCAN, data)


@pytest.mark.parametrize("depth", [100, 500, 1020, 1030, 5000, 100_000])
def test_the_same_depth(depth):
    """Nesting that only one of the two takes is left to the standard library."""
    data = f'{{"a":{"[" * depth}{"]" * depth}}}'
    assert result(quick, data) == result(SCAN, data)


def test_a_place_inside():
    """From a place inside the text on, only the standard library reads."""
    assert quick('{"a":{"b":1}}', 5) == ({"b": 1}, 12)


def test_used():
    """It is used where it is installed, for whole objects that are short; not for others."""
    asked = []

    def loads(data):
        asked.append(data)
        return orjson.loads(data)

    scan = scan_with(loads)
    frame = '{"choices":[{"delta":{"content":"é"}}]}'
    assert scan(frame, 0) == (json.loads(frame), len(frame))
    assert asked == [frame.encode()]
    long = json.dumps({"text": "x" * QUICK_CHARS})
    assert scan(long, 0) == (json.loads(long), len(long))
    assert scan('["a"]', 0) == (["a"], 5)
    assert len(asked) == 1
    assert payload.scan is not SCAN


def test_not_installed():
    """Without it the standard library reads everything."""
    script = (
        "import sys; sys.modules['orjson'] = None;"
        "from chatsdk.dialects import payload;"
        "print(payload.scan is payload.SCAN, payload.load('{\"a\": 1}'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split(maxsplit=1) == ["True", "{'a': 1}\n"]
