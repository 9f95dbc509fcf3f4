"""What a program is made of: sections with a title, words that explain, and code."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass


class NoText(ValueError):
    """A part of the lab that no program has been written for; the message is one sentence."""


@dataclass(frozen=True)
class Section:
    """A part of the program. `words` are Markdown, for the notebook; a script has comments."""

    title: str
    words: str
    code: str


def block(text: str) -> str:
    """Code as it stands in a triple-quoted string, without that string's own indentation."""
    return textwrap.dedent(text).strip("\n")


def indented(code: str, depth: int = 1) -> str:
    return textwrap.indent(code, "    " * depth)


def paragraphs(parts: Iterable[str], blank_lines: int = 1) -> str:
    """Pieces of code under each other, without the empty ones."""
    return ("\n" * (blank_lines + 1)).join(part for part in parts if part)


def names_in(code: str) -> set[str]:
    """Every name that the code reads or sets."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
