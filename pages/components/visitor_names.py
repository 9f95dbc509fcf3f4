"""Visitors' names: by them the queue knows that several tabs belong to one person.

A name is a number drawn at random, which says nothing of a person. The browser keeps it in a
cookie, with a signature, so that nobody can make up another one's; the server keeps it while the
person's tabs are open. A browser may send none, as in a frame of another site: then each tab counts
as a person. An address would not do, since a class shares one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping

from itsdangerous import BadSignature, Signer

COOKIE = "gan_lab_visitor"
_NAME = re.compile(r"[0-9a-f]{32}")


class VisitorNames:
    """Makes and reads the cookie's values, signed with `secret`."""

    def __init__(self, secret: bytes) -> None:
        self._signer = Signer(secret, salt=COOKIE, digest_method=hashlib.sha256)

    def new(self) -> str:
        """A cookie's value for a visitor that has none."""
        return self._signer.sign(secrets.token_hex(16)).decode()

    def person(self, cookies: Mapping[str, str]) -> str | None:
        """Who sends these cookies; None where they hold no name that this server has made, or
        another one with the same secret."""
        try:
            name = self._signer.unsign(cookies.get(COOKIE, "")).decode()
        except (BadSignature, UnicodeError):
            return None
        return name if _NAME.fullmatch(name) else None
