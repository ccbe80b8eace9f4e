"""One canonical line per mail and per delivery attempt, key=value, whatever a relay says."""

from __future__ import annotations

import re

import pytest

from triagemail import log

SAID = ["250 2.0.0 Ok", "", "a=b", 'so "it" is', "back\\slash", 'both \\ and "']
SAID += ["\x1b]52;c;AAAA\x07", "a\u202eb", "ümlaut"]


@pytest.mark.parametrize("said", SAID)
def test_many_lines_are_written_as_single_ones_are(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """X5, habit 11: the quick way of the sender and structlog's way give the same line, but for the time in it."""
    fields: dict[str, str | int | float] = {"outgoing": 7, "reply": said, "seconds": 0.0012}
    log.configure("info")
    try:
        log.logger("sender").info("delivery", **fields)
        log.lines("sender", "delivery", [fields, fields])
    finally:
        log.configure("warning")
    single, *many = capsys.readouterr().err.splitlines()
    when = r"^timestamp=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z level=info "
    assert re.match(when, single)
    assert [re.sub(when, "", line) for line in many] == [re.sub(when, "", single)] * 2


def test_lines_that_nobody_wants_are_not_made(capsys: pytest.CaptureFixture[str]) -> None:
    """The level of the log decides before anything is put together."""
    log.lines("sender", "delivery", (pytest.fail("was made") for _ in range(1)))
    assert capsys.readouterr().err == ""
