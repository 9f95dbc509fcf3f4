"""Requests for prices: which are measured on this machine, and which could not be. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gan_core.cost.prices import Price, PriceRequest, PriceStore

MOST_FAILURES = 200  # that are remembered


@dataclass(frozen=True)
class PriceState:
    """A price as far as it is known; `failure` is one sentence, "" where it has not failed."""

    price: Price | None
    live: bool  # whether it is in the queue
    failure: str = ""


class PriceRequests:
    """The stored prices, and why others could not be measured. The queue's lock guards failures."""

    def __init__(self, root: Path) -> None:
        self._store = PriceStore(root)
        self._failures: dict[str, str] = {}  # by the request's name, since it was last asked for

    def measured(self, request: PriceRequest, device: str) -> Price | None:
        """The stored price if it is of `device`: the store may come from another machine.

        As long as the device is not known, "", any stored price counts.
        """
        price = self._store.read(request)
        return price if price is not None and device in ("", price.device) else None

    def failure(self, name: str) -> str:
        """Why a price could not be measured; "" if that did not happen."""
        return self._failures.get(name, "")

    def failed(self, name: str, reason: str) -> None:
        """Remember why a price could not be measured."""
        self._failures[name] = reason
        while len(self._failures) > MOST_FAILURES:
            del self._failures[next(iter(self._failures))]

    def forget_failure(self, name: str) -> None:
        self._failures.pop(name, None)

    def remove(self, request: PriceRequest) -> None:
        """Remove the stored price."""
        self._store.remove(request)
