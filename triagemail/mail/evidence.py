"""How sure we are who sent a mail (trust.md 3.1). Identity is established once, here, and stored with every event."""

from __future__ import annotations

from triagemail.process.model import Evidence, Level


def judge(author: str, token_address: str | None) -> Evidence:
    """The evidence under the profile `none`: never E1; a reply with the person-bound token that we sent to its
    author is E2.

    `author` is the normalised From; `token_address` the address of the person a valid token names, None without a
    token.
    """
    if token_address is None:
        return Evidence(Level.E0, "none-fresh", "no token of ours")
    if token_address != author:
        return Evidence(Level.E0, "token-of-another", f"the token was given to {token_address}")
    return Evidence(Level.E2, "token", "answers a mail that we sent to this person")
