"""Counts work: runs chatsdk's own code so that each operation counts what it reads.

A `World` is a second copy of the package. In its source each call, slice, sum, comparison and turn
of a loop also adds to a number: the bytes, characters or items that the operation goes over. So
whether work is linear is a matter of counting and not of time.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import chatsdk

ROOT = Path(chatsdk.__file__).parents[1]

SIZED = (str, bytes, bytearray, memoryview, list, tuple, dict, set, frozenset, deque)
TEXT = (str, bytes, bytearray)
CONSTANT = frozenset(
    {
        *("append", "appendleft", "popleft", "clear", "get", "setdefault", "keys", "values"),
        *("items", "add", "discard", "__getitem__", "__contains__", "__next__", "__iter__"),
    }
)


def size(value: object) -> int:
    return len(value) if isinstance(value, SIZED) else 0


class Meter:
    """Does what it is asked to, and counts.

    Attributes:
        work: the sum of all counts.
    """

    def __init__(self) -> None:
        self.work = 0

    def tick(self) -> None:
        self.work += 1

    def made(self, value: Any) -> Any:
        """A value that was just put together."""
        self.work += 1 + size(value)
        return value

    def grown(self, target: Any, added: Any, local: bool) -> Any:
        """Values are added in place; CPython copies text and tuples unless a local has them."""
        copied = isinstance(target, (str, bytes, tuple)) and not (local and type(target) is str)
        self.work += 1 + size(added) + (size(target) if copied else 0)
        return added

    def item(self, value: Any, part: slice) -> Any:
        return self.made(value[part])

    def each(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.work += 1
            yield value

    def same(self, one: Any, other: Any) -> Any:
        self.work += 1 + compared(one, other)
        return one == other

    def differ(self, one: Any, other: Any) -> Any:
        self.work += 1 + compared(one, other)
        return one != other

    def within(self, item: Any, values: Any) -> bool:
        found = item in values
        self.work += 1
        if isinstance(values, TEXT):
            self.work += values.find(item) if found else len(values)
        elif isinstance(values, (list, tuple, deque)):
            self.work += len(values)
        return found

    def method(self, owner: Any, name: str, /, *args: Any, **named: Any) -> Any:
        return self.call(getattr(owner, name), *args, **named)

    def call(self, function: Any, /, *args: Any, **named: Any) -> Any:
        self.work += 1
        kind = type(function)
        if kind is BuiltinFunctionType:
            result = function(*args, **named)
            self.work += cost(function.__self__, function.__name__, args, result)
            return result
        if kind.__name__ == "Scanner":
            # The JSON scanner: of a text and where the value begins.
            end = len(args[0])
            try:
                value, end = function(*args)
            finally:
                self.work += end - args[1]
            return value, end
        result = function(*args, **named)
        if kind in (FunctionType, MethodType):
            if not function.__module__.startswith("chatsdk"):
                self.work += size(result) + sum(size(a) for a in args if isinstance(a, TEXT))
        elif isinstance(function, type) and function.__module__ == "builtins":
            self.work += size(result)
        return result


def compared(one: Any, other: Any) -> int:
    """The number of units to compare before two values differ."""
    if one is other or type(one) is not type(other):
        return 0
    if isinstance(one, TEXT):
        return len(one) if len(one) == len(other) else 0
    if isinstance(one, (list, tuple)):
        if len(one) != len(other) and isinstance(one, list):
            return 0
        total = 0
        for here, there in zip(one, other, strict=False):
            total += 1 + compared(here, there)
            if here != there:
                break
        return total
    if isinstance(one, dict) and len(one) == len(other):
        return sum(1 + compared(one[key], other.get(key)) for key in one)
    return 0


def cost(owner: Any, name: str, args: Sequence[Any], result: Any) -> int:
    """The approximate number of units that a function of C reads."""
    if isinstance(owner, TEXT):
        return text_cost(owner, name, args, result)
    if name in CONSTANT or (name == "pop" and not (isinstance(owner, list) and args)):
        return 0
    if isinstance(owner, (set, frozenset)) or name in ("extend", "update"):
        return sum(map(size, args))
    if isinstance(owner, SIZED):
        return len(owner)
    if type(owner).__name__ == "Pattern":
        start = args[1] if len(args) > 1 else 0
        end = result.end() if type(result).__name__ == "Match" else len(args[0])
        return int(end - start)
    if name in ("len", "isinstance", "getattr", "hasattr", "iter", "next", "hash", "id"):
        return 0
    return size(result) + sum(map(size, args))


def text_cost(owner: Any, name: str, args: Sequence[Any], result: Any) -> int:
    whole = len(owner)
    if name in ("find", "index", "count", "rfind", "rindex"):
        start = args[1] if len(args) > 1 else 0
        end = min(args[2], whole) if len(args) > 2 else whole
        if name in ("find", "index") and result >= 0:
            end = result + 1
        elif name in ("rfind", "rindex") and result >= 0:
            start = result
        return max(0, end - start)
    if name in ("startswith", "endswith"):
        given = args[0] if isinstance(args[0], tuple) else (args[0],)
        return sum(min(whole, len(one)) for one in given)
    if name in ("isspace", "isdigit", "isdecimal", "isalnum", "isidentifier"):
        return whole if result else 0
    if name == "isascii":
        return 0 if isinstance(owner, str) else whole
    if name == "join":
        return size(result) + sum(map(size, args))
    if result is owner:
        # Nothing to strip or to remove.
        return sum(map(size, args))
    if name in ("append", "clear"):
        return 0
    if name == "extend":
        return sum(map(size, args))
    return whole + size(result)


def _meter(name: str, *args: ast.expr, keywords: Sequence[ast.keyword] = ()) -> ast.Call:
    function = ast.Attribute(ast.Name("__meter__", ast.Load()), name, ast.Load())
    return ast.Call(function, list(args), list(keywords))


class Counting(ast.NodeTransformer):
    """Rewrites a module so that its operations go through ``__meter__``."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = [self.visit(item) for item in node.body]
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Attribute):
            name = ast.Constant(function.attr)
            return _meter("method", function.value, name, *node.args, keywords=node.keywords)
        if isinstance(function, ast.Name) and function.id == "super":
            return node
        return _meter("call", function, *node.args, keywords=node.keywords)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        part = node.slice
        if not isinstance(node.ctx, ast.Load) or not isinstance(part, ast.Slice):
            return node
        ends = [end or ast.Constant(None) for end in (part.lower, part.upper, part.step)]
        return _meter("item", node.value, ast.Call(ast.Name("slice", ast.Load()), ends, []))

    def _made(self, node: Any) -> ast.expr:
        self.generic_visit(node)
        return _meter("made", node)

    visit_BinOp = visit_JoinedStr = _made

    def _display(self, node: Any) -> ast.expr:
        self.generic_visit(node)
        spread = isinstance(node, ast.Dict) or any(
            isinstance(item, ast.Starred) for item in node.elts
        )
        loaded = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        return _meter("made", node) if spread and loaded else node

    visit_Tuple = visit_List = visit_Set = visit_Dict = _display

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        node.value = self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AugAssign:
        node.value = self.visit(node.value)
        if isinstance(node.op, (ast.Add, ast.BitOr)) and not isinstance(node.target, ast.Subscript):
            target = ast.parse(ast.unparse(node.target), mode="eval").body
            local = ast.Constant(isinstance(node.target, ast.Name))
            node.value = _meter("grown", target, node.value, local)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) > 1:
            return node
        (op,), (right,) = node.ops, node.comparators
        if isinstance(op, (ast.In, ast.NotIn)):
            found = _meter("within", node.left, right)
            return found if isinstance(op, ast.In) else ast.UnaryOp(ast.Not(), found)
        if isinstance(op, (ast.Eq, ast.NotEq)):
            return _meter("same" if isinstance(op, ast.Eq) else "differ", node.left, right)
        return node

    def _loop(self, node: Any) -> Any:
        self.generic_visit(node)
        node.iter = _meter("each", node.iter)
        return node

    visit_For = visit_comprehension = _loop

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_meter("tick")))
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    meter: Meter

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        tree = Counting().visit(ast.parse(self.get_data(path)))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__meter__"] = self.meter
        super().exec_module(module)


class World:
    """A copy of chatsdk that counts. Within ``with world:`` an import of chatsdk gives it.

    ``world["sse"]`` is a module that was named beforehand. Hypothesis inspects the modules that are
    loaded, so a property test leaves them as they are.
    """

    def __init__(self, *names: str) -> None:
        self.meter = Meter()
        self._ours: dict[str, ModuleType] = {}
        self._depth = 0
        self._theirs: dict[str, ModuleType] = {}
        self._named = {name: self.module(f"chatsdk.{name}") for name in names}

    def __getitem__(self, name: str) -> Any:
        return self._named[name]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] != "chatsdk":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path or [str(ROOT)])
        if spec is not None and spec.origin is not None:
            loader = _Loader(name, spec.origin)
            loader.meter = self.meter
            spec.loader = loader
        return spec

    def __enter__(self) -> World:
        self._depth += 1
        if self._depth == 1:
            self._theirs = _take_modules()
            sys.modules.update(self._ours)
            sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._depth -= 1
        if not self._depth:
            sys.meta_path.remove(self)
            self._ours = _take_modules()
            sys.modules.update(self._theirs)

    def module(self, name: str) -> Any:
        """Import a module of the copy."""
        with self:
            return importlib.import_module(name)


def _take_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.partition(".")[0] == "chatsdk"]
    return {name: sys.modules.pop(name) for name in names}
