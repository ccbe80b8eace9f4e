"""From the commands of a mail to intents: what each word of process.md asks for.

Who may do what, and what it leads to, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from triagemail.mail.calls import Call
from triagemail.mail.headers import clean_header
from triagemail.mail.shapes import When
from triagemail.mail.words import Words
from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import Evidence, Kind


class Who(TypedDict):
    """Who says it, in which mail, on which issue."""

    by: str
    evidence: Evidence
    issue: int | None
    mail: int | None
    sent_at: datetime | None


def intent(call: Call, text: str, line: str, who: Who, words: Words) -> Intent:
    """What a command asks for; `text` is its free text, `line` the line that it is."""
    if call.bad or (call.key == "headline" and not text):
        return want.NearMiss(**who, said=clean_header(line), meant=words.examples[call.key])
    if make := INTENTS.get(call.key):
        return make(who, call, text)
    return want.Ask(**who, what=call.key)


def _priority(who: Who, call: Call, text: str) -> Intent:
    if call.priority is None:
        raise ValueError("a priority that does not exist is `bad`")
    return want.SetPriority(**who, priority=call.priority, reason=text)


def _next_update(who: Who, call: Call, text: str) -> Intent:
    when = call.when or When()
    return want.SetNextUpdate(**who, after=when.after, clock=when.clock, said=clean_header(call.said))


class _Until(TypedDict):
    day: tuple[int, int] | None
    year: int | None
    after: timedelta | None
    said: str


def _until(call: Call) -> _Until:
    when = call.when or When()
    return _Until(day=when.day, year=when.year, after=when.after, said=clean_header(call.said))


INTENTS: Mapping[str, Callable[[Who, Call, str], Intent]] = {
    # process.md 3: the decision
    "agree": lambda who, call, text: want.Agree(**who),
    "priority": _priority,
    "decline": lambda who, call, text: want.Decline(**who, reason=text),
    "withdraw": lambda who, call, text: want.Withdraw(**who, reason=text),
    "bug": lambda who, call, text: want.SetKind(**who, kind=Kind.BUG),
    "feature": lambda who, call, text: want.SetKind(**who, kind=Kind.FEATURE, reason=text),
    "expected": lambda who, call, text: want.DefineExpected(**who, text=text),
    "area": lambda who, call, text: want.SetArea(**who, area=call.word),
    "duplicate": lambda who, call, text: want.MarkDuplicate(**who, of=call.which or 0),
    "same_as": lambda who, call, text: want.MarkDuplicate(**who, of=call.which or 0),
    "call": lambda who, call, text: want.BookCall(**who),
    "owner": lambda who, call, text: want.NameOwner(**who, owner=call.word),
    "mine": lambda who, call, text: want.TakeOwnership(**who),
    "not_me": lambda who, call, text: want.RefuseOwnership(**who, reason=text),
    # 4: dispute and escalation
    "dispute": lambda who, call, text: want.Dispute(**who, reason=text, priority=call.priority),
    "rock": lambda who, call, text: want.Throw(**who, hand="rock"),
    "paper": lambda who, call, text: want.Throw(**who, hand="paper"),
    "scissors": lambda who, call, text: want.Throw(**who, hand="scissors"),
    # 5: updates
    "update": lambda who, call, text: want.SendUpdate(**who, text=text),
    "correction": lambda who, call, text: want.SendUpdate(**who, text=text, correction=True),
    "next_update": _next_update,
    "headline": lambda who, call, text: want.SetHeadline(**who, headline=clean_header(text)),
    "doc": lambda who, call, text: want.SetDoc(**who, url=call.word),
    "subscribe": lambda who, call, text: want.Subscribe(
        **who, priority=call.priority, area=call.word, follow=call.which
    ),
    "unsubscribe": lambda who, call, text: want.Unsubscribe(**who, area=call.word, mute=call.which),
    "digest": lambda who, call, text: want.Digest(**who),
    "pause": lambda who, call, text: want.Pause(**who, **_until(call)),
    "resume": lambda who, call, text: want.Resume(**who),
    # 6: closure
    "resolve": lambda who, call, text: want.Resolve(**who, text=text),
    "reopen": lambda who, call, text: want.Reopen(**who, reason=text),
    "band_aid": lambda who, call, text: want.AddBandAid(**who, text=text),
    "done": lambda who, call, text: want.FinishBandAid(**who, which=call.which),
    # 7: remediation
    "remediate": lambda who, call, text: want.Remediate(**who, priority=call.priority, text=text),
    "retry": lambda who, call, text: want.EndRemediation(**who, how="retry", text=text),
    "not_worth_it": lambda who, call, text: want.EndRemediation(**who, how="not-worth-it", text=text),
    # 1, 8, 9: who is there, and words that work in any mail; the others ask a question
    "duty": lambda who, call, text: want.TakeDuty(**who, to=call.word),
    "away": lambda who, call, text: want.GoAway(**who, **_until(call)),
    "feedback": lambda who, call, text: want.GiveFeedback(**who, text=text),
    "undo": lambda who, call, text: want.UndoLast(**who),
    "language": lambda who, call, text: want.Speak(**who, language=call.word),
}
