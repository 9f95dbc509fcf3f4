"""Numbers as people read them: no powers of ten, no more digits than matter. Torch-free."""

from __future__ import annotations

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
MILLIONTH = 1.000001e-6  # and a bit: what rounds to it
BILLION = 1e9  # beyond which a number says only that it is huge


def counted(count: float) -> str:
    """A count, as a word up to ten."""
    return NUMBERS[int(count)] if 0 <= count < len(NUMBERS) else f"{count:.0f}"


def whole(number: float) -> str:
    """A whole number, of steps say: 46 900."""
    return f"{number:,.0f}".replace(",", " ")


def percentage(share: float) -> str:
    """A share as a number that stands alone: "2 %", small ones with a decimal."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.0095 else f"{100 * share:.0f} %"


def part(share: float) -> str:
    """What is left of something: "12 %", "1/340", "less than a millionth"."""
    if share <= MILLIONTH:
        return "less than a millionth"
    return percentage(share) if share >= 0.01 else f"1/{whole(float(f'{1 / share:.2g}'))}"


def rounded(value: float) -> str:
    """A number of any size: two digits after the point, one from 1 on, none from 10 on."""
    if abs(value) >= BILLION:
        return "beyond all bounds"
    if abs(value) >= 10:
        return whole(value)
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
