"""What can be said of a reward function by reading it: keys, state, and what DeepRacer would refuse."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from league.learn.reward.params import KEYS, OBJECT_KEYS
from league.learn.reward.script import BATCH_FUNCTION, FUNCTION, Script

# DeepRacer's own rules for a function that is sent to it.
ALLOWED_IMPORTS = ("math", "random", "numpy", "scipy", "shapely")
FORBIDDEN_CALLS = ("open", "exec", "eval", "compile", "input", "__import__")
FORBIDDEN_NAMES = ("load", "save", "savez", "savetxt", "loadtxt", "fromfile", "tofile", "memmap")
MOST_CHARACTERS = 140_000


@dataclass(frozen=True)
class Reading:
    """What a file says about itself."""

    keys: tuple[str, ...]
    """The params that it names."""
    unknown_keys: tuple[tuple[str, int], ...]
    """Names that it looks up in params and that are none, with their lines."""
    uses_objects: bool
    uses_random: bool
    global_names: tuple[str, ...]
    """Names that its functions declare global."""
    refused: tuple[str, ...]
    """What DeepRacer's own check would not let pass."""


def inspect(script: Script) -> Reading:
    """Read a reward function's file without running it."""
    tree = script.tree
    names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    looked_up = list(_looked_up(tree))
    unknown = {name: line for name, line in reversed(looked_up) if name not in KEYS}
    imported = sorted({name.partition(".")[0] for name, _ in _imports(tree)})
    declared = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    return Reading(
        keys=tuple(key for key in KEYS if key in names),
        unknown_keys=tuple(sorted(unknown.items(), key=lambda item: item[1])),
        uses_objects=any(key in names for key in OBJECT_KEYS),
        uses_random="random" in imported or "random" in _attributes(tree),
        global_names=tuple(sorted(declared)),
        refused=tuple(_refused(script)),
    )


def meant(key: str) -> str:
    """A hint at the key that was probably meant."""
    near = get_close_matches(key, KEYS, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _looked_up(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Names looked up in the argument of a reward function, and where."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name not in (FUNCTION, BATCH_FUNCTION):
            continue
        given = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")]
        if not given:
            continue
        stored = {
            node.slice.value
            for node in ast.walk(function)
            if isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.slice, ast.Constant)
        }
        for node in ast.walk(function):
            name = _key_of(node, given[0])
            if name is not None and name not in stored:
                yield name, node.lineno  # type: ignore[attr-defined]


def _key_of(node: ast.AST, given: str) -> str | None:
    if isinstance(node, ast.Subscript) and _is_name(node.value, given):
        key: ast.AST | None = node.slice
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and _is_name(node.func.value, given)
    ):
        key = node.args[0] if node.args else None
    else:
        return None
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno


def _attributes(tree: ast.Module) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _refused(script: Script) -> Iterator[str]:
    """What DeepRacer's check of a function finds fault with."""
    if len(script.text) > MOST_CHARACTERS:
        yield f"it has {len(script.text)} characters, DeepRacer takes {MOST_CHARACTERS}"
    for name, line in _imports(script.tree):
        if name.partition(".")[0] not in ALLOWED_IMPORTS:
            yield f"line {line} imports {name}, DeepRacer allows {', '.join(ALLOWED_IMPORTS)}"
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in FORBIDDEN_CALLS:
                yield f"line {node.lineno} calls {node.func.id}, which DeepRacer forbids"
        elif isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_NAMES:
            yield f"line {node.lineno} uses {node.attr}, which DeepRacer forbids"
