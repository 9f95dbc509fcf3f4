"""The address of a page that is all in its URL: what is an arrival, and what is written.

As `state` does for pages with a run, for pages that show one thing that a URL describes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from pages.components.state import went_through_history

REMEMBERED = 3  # addresses of this tab: a message may carry one before the last


@dataclass
class PageUrl:
    """The parameters of one page: `said` is what the address bar says, in our words; `last` are the
    addresses that this tab has read or written, the latest last."""

    parameters: tuple[str, ...]
    said: dict[str, str] = field(default_factory=dict)
    last: list[dict[str, str]] = field(default_factory=list)

    def query(self) -> dict[str, str]:
        """What the address bar says of this page just now."""
        return {name: st.query_params[name] for name in self.parameters
                if name in st.query_params}

    def is_arrival(self) -> bool:
        """Whether the URL asks for something else than what the page shows."""
        query = self.query()
        if went_through_history():
            return query != self.last[-1]
        return bool(query) and query not in self.last[-REMEMBERED:]

    def arrived(self, says: dict[str, str]) -> None:
        """The page shows what the address bar asks for, in our words `says`."""
        self.said = says
        self.last.append(self.query())

    def write(self, query: dict[str, str]) -> None:
        """Have the address bar say this; a link that was followed stays until something changes."""
        came_back = bool(query) and not self.query()  # from another page, whose menu knows nothing
        if query == self.said and not came_back:
            return
        others = {name: st.query_params[name] for name in st.query_params
                  if name not in self.parameters}
        st.query_params.from_dict({**query, **others})
        self.said = query
        self.last = [*self.last[1 - REMEMBERED:], query]
