"""Housekeeping: what a queue does every second, by a thread of its own. Torch-free."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence

SECONDS = 1.0


class Housekeeper:
    """Carries out `duties` one after another, every second and whenever it is woken."""

    def __init__(self, duties: Sequence[Callable[[], None]]) -> None:
        self._duties = duties
        self._wake = threading.Event()
        self._dismissed = False

    def start(self) -> None:
        threading.Thread(target=self._keep_house, daemon=True, name="jobs").start()

    @property
    def awake(self) -> bool:
        """Whether there is something to be done before the second is over."""
        return self._wake.is_set()

    def wake(self) -> None:
        self._wake.set()

    def dismiss(self) -> None:
        """What it does at this moment is the last; does not wait for that."""
        self._dismissed = True
        self._wake.set()

    def _keep_house(self) -> None:
        while not self._dismissed:
            self._wake.clear()
            for duty in self._duties:
                try:
                    duty()
                except Exception:  # it costs neither the other duties nor the next time
                    traceback.print_exc()
            self._wake.wait(SECONDS)
