"""Who is behind a tab: what one person may ask of the queue counts for all of their tabs together.

A person is a name that the pages give, made up at random and kept by the browser; where a browser
keeps none, each tab is a person of its own. Here a name is known while one of its tabs is open, and
for as long after that as the tab's runs may go on; `run_lists` keeps a list by it. Torch-free.
"""

from __future__ import annotations

from collections import deque


class People:
    """The person behind each viewer of the queue, a tab. The queue's lock guards it, but for
    `leave`."""

    def __init__(self) -> None:
        self._people: dict[str, str] = {}  # by viewer
        self._departed: deque[str] = deque()
        self._leaving: set[str] = set()

    def arrive(self, viewer: str, person: str) -> None:
        """A tab has been opened by `person`, or its lost connection has come back."""
        self.leaving()  # hear first of the connection that was lost
        self._leaving.discard(viewer)
        self._people[viewer] = person

    def watches(self, viewer: str, person: str) -> None:
        """A tab of `person` that may be without a connection watches a run; it is known until its
        leases end."""
        if viewer not in self._people:
            self._people[viewer] = person
            self._leaving.add(viewer)

    def person(self, viewer: str) -> str:
        """Whose tab it is; a viewer that is not known is a person of its own."""
        return self._people.get(viewer, viewer)

    def leave(self, viewer: str) -> None:
        """The tab was closed. Any thread may say so; it never waits."""
        self._departed.append(viewer)

    def leaving(self) -> list[str]:
        """Viewers whose tab was closed, and who are not forgotten yet."""
        while self._departed:
            self._leaving.add(self._departed.popleft())
        return list(self._leaving)

    def __len__(self) -> int:
        return len(set(self._people.values()))

    def forget(self, viewer: str) -> None:
        """The tab is gone, and so are its runs."""
        self._leaving.discard(viewer)
        self._people.pop(viewer, None)
