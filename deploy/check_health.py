"""`python deploy/check_health.py`: whether the app in this container can train and keep runs.

Ends with 0 where it can, or will soon; else with 1 and one sentence. For the Dockerfile's health
check: it asks /healthz on the port and below the path that Streamlit's own variables name.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request

PATIENCE = 5.0  # seconds


def address() -> str:
    port = os.environ.get("STREAMLIT_SERVER_PORT") or "8501"
    path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    return f"http://127.0.0.1:{port}/{path}{'/' if path else ''}healthz"


def problem() -> str:
    """One sentence; "" where all is well."""
    try:
        urllib.request.urlopen(address(), timeout=PATIENCE).close()
    except urllib.error.HTTPError as answer:
        with answer:
            return _told(answer.read()) or f"The app answers {answer.code}."
    except OSError as error:
        return f"The app does not answer: {error}."
    return ""


def _told(content: bytes) -> str:
    try:
        return " ".join(json.loads(content)["problems"])
    except (ValueError, KeyError, TypeError):  # not of this app
        return ""


if __name__ == "__main__":
    sys.exit(problem() or 0)
