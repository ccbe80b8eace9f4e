"""Named steps at which a test can kill the process: `TM_FAIL=name[:n]` ends it at the n-th time, as kill -9 would.

All steps are listed here, with what a crash there leaves; docs/architecture.md prints the table and a test holds
them equal.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

STEPS: Mapping[str, str] = {
    "after_fetch": "nothing is stored, nothing is marked: fetched again",
    "before_take_commit": "as after_fetch",
    "after_take_commit": "stored, not filed on the server: the cursor passes it by, filed at the next start",
    "after_move": "stored and filed: worked off at the next start",
    "before_lmtp_commit": "nothing is stored, the mail server was told nothing: it comes again",
    "after_lmtp_commit": "stored, the mail server was told nothing: it comes again, and that is a duplicate",
    "after_claim": "claimed with one strike: free again at the next start",
    "before_work_commit": "no event, no mail, no number drawn: worked off again",
    "after_work_commit": "done, its mails are queued",
    "after_timer_commit": "the timer's events and mails are there, once",
    "after_expand": "a slice of delivery rows is there, the cursor of the slice too",
    "after_send_claim": "claimed, not tried: queued again at the next start",
    "after_250": "the relay has the mails of a round, one a connection; not noted, they go out again, the same bytes",
    "after_record_commit": "a round is noted; a body on its way on another connection may go out again",
}

_name, _, _nth = os.environ.get("TM_FAIL", "").partition(":")
_left = int(_nth or 1)


def step(name: str) -> None:
    """Dies here when the environment says so; costs one comparison otherwise."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os._exit(9)
