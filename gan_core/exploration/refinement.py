"""Coarse to fine: in which order the cells of a grid are filled. Torch-free.

The first round takes the ends of each axis and places between them at even distances; every further
round halves these distances. Whoever stops after a round has seen the whole of the grid.
"""

from __future__ import annotations

COARSE = 3  # places of an axis that the first round is content with, at least


def rounds_of(count: int) -> list[int]:
    """Of each of `count` places on an axis, the round in which it is filled, from 0."""
    stride = 1
    while (count - 1) // (2 * stride) + 1 >= COARSE:
        stride *= 2
    found = [-1] * count
    number = 0
    while -1 in found:
        for place in (*range(0, count, stride), count - 1):
            found[place] = number if found[place] < 0 else found[place]
        stride, number = stride // 2, number + 1
    return found


def rounds(columns: int, rows: int) -> list[list[tuple[int, int]]]:
    """The cells (column, row) of each round, one after the other."""
    of_columns, of_rows = rounds_of(columns), rounds_of(rows)
    found: list[list[tuple[int, int]]] = [[] for _ in range(max(*of_columns, *of_rows) + 1)]
    for row in range(rows):
        for column in range(columns):
            found[max(of_columns[column], of_rows[row])].append((column, row))
    return found
