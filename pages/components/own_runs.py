"""Whose runs a visitor sees: all of the store at home, their own ones on a server that is shared.

At home is whoever sits at the machine that serves the app: the connection comes from it, its
address says localhost, and no proxy stands between. Everybody else sees runs that they trained or
were sent, and the recorded ones. GAN_LAB_HOSTED says otherwise, for all: 0, one person has the
server to themselves from wherever they come; 1, nobody has.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Mapping

import streamlit as st

from gan_core.serving.run_index import RunIndex
from gan_core.serving.run_lists import HOME, SHARED, ListError, RunList
from gan_core.system.web_settings import WebSettings
from pages.components import server

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
PROXIES = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
SEEN = "runs/seen"  # in the session: runs that need not be put into the list again


@st.cache_resource(show_spinner=False)
def index() -> RunIndex:
    """What is known of the runs of this server."""
    return RunIndex(server.queue().store.root)


@st.cache_resource(show_spinner=False)
def recorded_index() -> RunIndex:
    """What is known of the runs that ship, whose folder is only read."""
    return RunIndex(server.recorded().root, keeps=False)


@st.cache_resource(show_spinner=False)
def opened_index() -> RunIndex:
    """What is known of the runs that were opened from files; nothing is added to those."""
    return RunIndex(server.opened().root, keeps=False, opened=True)


def is_home(hosted: bool | None, address: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a visitor has the server to themselves. `hosted` is what GAN_LAB_HOSTED says, and
    `address` where the connection comes from, None for this very machine."""
    if hosted is not None:
        return not hosted
    told = {name.lower(): value for name, value in headers.items()}
    host = told.get("host", "").rpartition(":")[0] or told.get("host", "")
    return (_is_this_machine(address) and host in LOOPBACK
            and not any(name in told for name in PROXIES))


def _is_this_machine(address: str | None) -> bool:
    """Whether a connection comes from the machine itself; None is Streamlit's word for that."""
    try:
        found = ipaddress.ip_address(address or "127.0.0.1")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)  # a server that listens on all addresses says so
    return bool((mapped or found).is_loopback)


def at_home() -> bool:
    """The same of this visitor, as they came."""
    if "runs/home" not in st.session_state:
        st.session_state["runs/home"] = is_home(
            WebSettings.from_environment().hosted, st.context.ip_address,
            dict(st.context.headers))
    return bool(st.session_state["runs/home"])


def person() -> str:
    """Whose list this visitor's is."""
    if at_home():
        return HOME
    told = server.visitor_names().tab_and_person(server.ticket())
    return told[1] if told is not None else server.viewer()


def own_list() -> RunList:
    """This visitor's list as it is now."""
    return server.queue().lists.read(person())


def keep(run: str, how: str) -> None:
    """Put a run, by its key there, into the visitor's list: once, or again if they trained it."""
    seen: set[str] = st.session_state.setdefault(SEEN, set())
    if how == SHARED and run in seen:
        return
    seen.add(run)
    if at_home() and (how == SHARED or not own_list().of(run).removed):
        return  # all runs are listed there
    with contextlib.suppress(ListError):  # the page of runs says what is wrong with the list
        server.queue().lists.add(person(), run, how)
