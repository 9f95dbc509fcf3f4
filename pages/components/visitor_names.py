"""Visitors' names: by them the queue knows that several tabs belong to one person.

A name is a number drawn at random, which says nothing of a person. The browser keeps it in a
cookie, with a signature, so that nobody can make up another one's; the server keeps it while the
person's tabs are open, and as the name of a list of runs in the store. A browser may send none, as
in a frame of another site: then each tab counts as a person. An address would not do, since a class
shares one.

A tab has a ticket, which names the tab and its person and is signed as well: with it a tab whose
connection is lost goes on watching its runs.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

from itsdangerous import BadSignature, Signer

COOKIE = "gan_lab_visitor"
TICKET = "gan_lab_ticket"
_NAME = re.compile(r"[0-9a-f]{32}")
_TAB_AND_PERSON = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})")


class VisitorNames:
    """Makes and reads the cookie's values, and tickets, signed with `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, salt=COOKIE, digest_method=hashlib.sha256)
        self._tickets = Signer(secret, salt=TICKET, digest_method=hashlib.sha256)

    def new(self) -> str:
        """A cookie's value for a visitor that has none."""
        return self._signer.sign(secrets.token_hex(16)).decode()

    def person(self, cookies: Mapping[str, str]) -> str | None:
        """Who sends these cookies; None where they hold no name that this server has made, or
        another one with the same secret."""
        name = _unsigned(self._signer, cookies.get(COOKIE, ""))
        return name if _NAME.fullmatch(name) else None

    def ticket(self, tab: str, person: str) -> str:
        """What the tab of this name shows to the live channel."""
        return self._tickets.sign(f"{tab}.{person}").decode()

    def tab_and_person(self, ticket: str) -> tuple[str, str] | None:
        """Whose ticket it is; None where this server has not made it, nor another one with the
        same secret."""
        match = _TAB_AND_PERSON.fullmatch(_unsigned(self._tickets, ticket))
        return (match[1], match[2]) if match else None


def _unsigned(signer: Signer, signed: str) -> str:
    """What was signed; "" where the signature is wrong."""
    try:
        return signer.unsign(signed).decode()
    except (BadSignature, UnicodeError):
        return ""
