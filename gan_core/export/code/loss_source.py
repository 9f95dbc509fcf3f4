"""What `gan_core/training/losses.py` says of a loss, read from its text: nothing here loads torch.

`objective` has a text of its own for each loss that the lab came with. One that is added later has
none; its functions are then copied as they stand in that file, without annotations.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "training" / "losses.py"


@dataclass(frozen=True)
class LossSource:
    """An entry of LOSSES: names of its two functions, and what `Loss` says of it."""

    discriminator: str
    generator: str
    centre: float | None
    pairs: bool


@functools.cache
def sources() -> dict[str, LossSource]:
    """Every loss, by name."""
    return {name: _source(call) for name, call in _entries(_tree())}


def functions(names: Iterable[str]) -> str:
    """The functions of these names, and those that they call, in the order of the file."""
    defined = {node.name: node for node in _tree().body if isinstance(node, ast.FunctionDef)}
    wanted, found = list(names), set[str]()
    while wanted:
        name = wanted.pop()
        if name in defined and name not in found:
            found.add(name)
            wanted += [node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)]
    return "\n\n\n".join(
        ast.unparse(_Plain().visit(node)) for name, node in defined.items() if name in found)


@functools.cache
def imported() -> dict[str, str]:
    """Names that the file imports from torch, and from which module."""
    return {alias.name: node.module for node in _tree().body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch")
            for alias in node.names if node.module and alias.asname is None}


def _tree() -> ast.Module:
    return ast.parse(FILE.read_text(encoding="utf-8"))


def _entries(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The entries of the table, and those added to it later on."""
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id == "LOSSES" and (
                isinstance(node.value, ast.Dict)):
            pairs = zip(node.value.keys, node.value.values, strict=True)
        elif isinstance(target, ast.Subscript) and ast.unparse(target.value) == "LOSSES":
            pairs = zip([target.slice], [node.value], strict=True)  # type: ignore[list-item]
        else:
            continue
        for key, value in pairs:
            if isinstance(key, ast.Constant) and isinstance(value, ast.Call):
                yield str(key.value), value


def _source(call: ast.Call) -> LossSource:
    said: dict[str, Any] = {"centre": 0.0, "pairs": False}
    names = [ast.unparse(each) for each in call.args]
    for keyword in call.keywords:
        if keyword.arg in said:
            said[keyword.arg] = ast.literal_eval(keyword.value)
    return LossSource(names[0], names[1], **said)


class _Plain(ast.NodeTransformer):
    """Functions in the plain style of a script."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        return ast.Assign([node.target], node.value, lineno=node.lineno) if node.value else node
