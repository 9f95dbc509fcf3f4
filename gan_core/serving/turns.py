"""Turns: which of several people, or of one person's tabs, comes next. Torch-free.

Start-time fair queueing: P. Goyal, H. M. Vin, H. Cheng, SIGCOMM 1996; a unit of work is a run, or
runs that are trained together.
"""

from __future__ import annotations

from collections.abc import Collection

NEWCOMERS = 100  # a class of them goes before somebody's second run; more do not go on doing so


class Turns:
    """Numbers, of which the lowest is served first.

    Whoever waits has a next turn, and each further unit of theirs the turn after that. Nobody who
    begins to wait gets a turn that has passed: so five runs of one do not delay another one's
    first, and whoever has been away has saved up nothing. Leaving costs nothing either, since a
    turn is used up only when it is served.
    """

    def __init__(self) -> None:
        self._now = 0.0  # the turn that is served; it goes on a little with everybody served
        self._next: dict[str, float] = {}  # of who waits, or was served ahead of the others

    def begin_to_wait(self, who: str) -> None:
        """To be called when somebody who does not wait for anything asks for something."""
        self._next[who] = max(self.next(who), self._now)

    def next(self, who: str) -> float:
        """The turn of the first unit of somebody who waits."""
        return self._next.get(who, self._now)

    def serve(self, who: str, turn: float) -> None:
        """A unit of theirs goes to a worker at this turn."""
        self._next[who] = self.next(who) + 1
        # Standing still it would let everybody who has just come go before a second run, for ever.
        self._now = max(self._now, turn) + 1 / NEWCOMERS

    def forget(self, waiting: Collection[str]) -> None:
        """What is known of others than those who are `waiting`, where it no longer matters."""
        self._next = {who: turn for who, turn in self._next.items()
                      if turn > self._now or who in waiting}
