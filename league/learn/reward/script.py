"""A reward function's file: read and compiled once, then one module for every car that it rewards.

A quarter of all community functions keep something between calls, in globals or in an object, and expect
that nobody else drives. So every car has a module of its own.
"""

from __future__ import annotations

import ast
import builtins
import sys
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from league.errors import RewardError
from league.learn.reward.imports import Imports

FUNCTION, BATCH_FUNCTION = "reward_function", "reward_batch"
MODULE = "league_reward_function"
MOST_BYTES = 1 << 20
LINES_KEPT = 20


class Said:
    """What reward functions have printed: how often, and the end of it."""

    def __init__(self) -> None:
        self.count = 0
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)

    def __call__(self, *words: Any, sep: str | None = " ", **_: Any) -> None:
        """Take what a call of `print` was given."""
        self.count += 1
        self.lines.append((" " if sep is None else sep).join(str(word) for word in words))


class Script:
    """A reward function's file.

    Args:
        text: What the file says.
        name: Its path; errors name it.

    Raises:
        RewardError: It is not Python, or defines no `reward_function`.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.said = Said()
        self._imports = Imports()
        self._builtins = _builtins(self.said, self._imports)
        self.tree, self._code = _compiled(text, name)
        self.defined = _defined(self.tree)
        """Names that the file gives a value at its top level, and on which line."""
        if FUNCTION not in self.defined and BATCH_FUNCTION not in self.defined:
            others = ", ".join(sorted(self.defined)[:8]) or "nothing"
            raise RewardError(f"{name}: defines {others}, expected {FUNCTION}(params)")

    @classmethod
    def read(cls, path: str | Path) -> Script:
        """The script in a file.

        Raises:
            RewardError: It cannot be read, or as the class does.
        """
        file = Path(path)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise RewardError(f"{file}: cannot be read: {error.strerror}") from None
        if len(content) > MOST_BYTES:
            raise RewardError(f"{file}: has {len(content)} bytes, expected at most {MOST_BYTES}")
        return cls(_decoded(content, file), str(file))

    @property
    def has_batch(self) -> bool:
        """Whether the file offers the form for many cars at once."""
        return BATCH_FUNCTION in self.defined

    def begin(self, seed: int) -> None:
        """Begin the random numbers that its modules draw, from `random` and from numpy."""
        self._imports.begin(seed)

    def functions(self, count: int, *, which: str = FUNCTION) -> list[Callable[[Any], Any]]:
        """As many reward functions, each from a module of its own.

        Raises:
            RewardError: The file cannot be executed, or there is no such function in it.
        """
        return [self._module(which) for _ in range(count)]

    def _module(self, which: str) -> Callable[[Any], Any]:
        module = ModuleType(MODULE)
        module.__file__ = self.name
        module.__dict__["__builtins__"] = self._builtins
        # Some of the standard library, dataclasses for one, looks a class's module up by its name.
        sys.modules[MODULE] = module
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(self._code, module.__dict__)  # noqa: S102 - to run it is what it is there for
        except (Exception, SystemExit) as error:  # noqa: BLE001 - strangers' code
            raise RewardError(f"{self.where(error)}: {told(error)}") from None
        found = module.__dict__.get(which)
        if not callable(found):
            what = "is not defined" if found is None else f"is {type(found).__name__}"
            raise RewardError(f"{self.name}: {which} {what}, expected a function of params")
        function: Callable[[Any], Any] = found
        return function

    def where(self, error: BaseException) -> str:
        """The file, and the line of it on which an error came up."""
        line = self.line_of(error.__traceback__)
        return f"{self.name}: line {line}" if line else self.name

    def line_of(self, traceback: TracebackType | None) -> int:
        """The last line of this file in a traceback, 0 if none is."""
        line = 0
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self.name:
                line = traceback.tb_lineno
            traceback = traceback.tb_next
        return line

    def line_of_return(self, function: Callable[[Any], Any], params: Any) -> int:
        """The line from which a function returns, found by calling it once more."""
        found = self.defined.get(FUNCTION, 0)
        own = getattr(function, "__code__", None)

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal found
            if event == "return" and frame.f_code is own:
                found = frame.f_lineno
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            function(params)
        except Exception:  # noqa: BLE001 - it has failed already; only the line is wanted
            return found
        finally:
            sys.settrace(before)
        return found


def told(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return (f"{name}: {text}" if text else name)[:300]


def _decoded(content: bytes, file: Path) -> str:
    """Text as Python would read it; what is no UTF-8 is taken for Latin-1, in which nothing is wrong."""
    for encoding in ("utf-8-sig", "latin-1"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RewardError(f"{file}: is not text")


def _compiled(text: str, name: str) -> tuple[ast.Module, CodeType]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, name)
            return tree, compile(tree, name, "exec")
    except SyntaxError as error:
        hint = ""
        if "print" in (error.text or "") and "parentheses" in str(error.msg):
            hint = "; this is Python 2"
        raise RewardError(f"{name}: line {error.lineno}: is not Python 3: {error.msg}{hint}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise RewardError(f"{name}: is not Python: {told(error)}") from None


def _defined(tree: ast.Module) -> dict[str, int]:
    """Names that a file's top level binds, also within `if` and `try`, and their lines."""
    found: dict[str, int] = {}

    def look(body: Sequence[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                found[node.name] = node.lineno
                continue
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    for name in ast.walk(target):
                        if isinstance(name, ast.Name):
                            found[name.id] = node.lineno
            if isinstance(node, ast.ImportFrom | ast.Import):
                for alias in node.names:
                    found[(alias.asname or alias.name).partition(".")[0]] = node.lineno
            for part in ("body", "orelse", "finalbody"):
                look(getattr(node, part, []))
            for handler in getattr(node, "handlers", []):
                look(handler.body)

    look(tree.body)
    return found


def _builtins(said: Said, imports: Imports) -> dict[str, Any]:
    names = dict(vars(builtins))
    names["print"] = said
    names["__import__"] = imports
    return names
