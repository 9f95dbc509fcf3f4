"""What `streamlit run` serves beside the pages, put together for `streamlit_app.py`."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Sequence

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from gan_core.system.settings import SettingsError
from gan_core.system.web_settings import WebSettings
from pages.channel.headers import SecurityHeaders
from pages.channel.routes import routes
from pages.channel.sockets import send_at_once
from pages.channel.streamlit_files import StreamlitFiles
from pages.channel.visitor_cookie import VisitorCookie
from pages.components import server
from pages.components.visitor_names import VisitorNames
from pages.components.warm_up import warm_up


def settings() -> WebSettings:
    """Ends the process with one sentence on a setting that cannot be used."""
    try:
        return WebSettings.from_environment()
    except SettingsError as error:
        raise SystemExit(str(error)) from None


def all_routes() -> Sequence[BaseRoute]:
    """The live channel, below the path under which Streamlit serves the pages."""
    return routes(_base_path(), settings())


def middleware() -> Sequence[Middleware]:
    return [Middleware(SecurityHeaders, frames=settings().frames),
            Middleware(StreamlitFiles, path=_base_path()),
            Middleware(VisitorCookie, names=_visitor_names, path=_base_path())]


def _base_path() -> str:
    return st.get_option("server.baseUrlPath") or ""


def _visitor_names() -> VisitorNames | None:
    with contextlib.suppress(SettingsError):  # the pages say what is wrong with the settings
        return server.visitor_names()
    return None


@contextlib.asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Workers start with the server: the first visitor of a class need not wait for torch, nor for
    what all visitors share, which is made while the server already answers."""
    send_at_once()
    with contextlib.suppress(SettingsError):  # the pages say what is wrong with the settings
        await asyncio.to_thread(server.queue)
    warming = asyncio.create_task(asyncio.to_thread(_warm_up))
    yield
    await warming


def _warm_up() -> None:
    """Whatever fails here fails again where it is shown, and is said there."""
    try:
        warm_up()
    except SettingsError:
        return
    except Exception:
        traceback.print_exc()
