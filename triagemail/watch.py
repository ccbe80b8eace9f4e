"""What is seen only over many mails: that a mail came before, that somebody poses as people with a role, and that our
mail system no longer says who sent what (trust.md 3.5). Inside the transaction of each mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from triagemail.mail import reading
from triagemail.mail.address import read_list
from triagemail.mail.mime import ParsedMail
from triagemail.notices import Notices
from triagemail.process.model import Evidence, Level, Policy, admits
from triagemail.store import claims, tallies
from triagemail.store.store import Store

POSING, POSING_WITHIN = 3, timedelta(minutes=10)
LOST_SHARE, USUAL_SHARE = 0.20, 0.02  # of internal mail without a word of our mail system: in the last hour, before it
LOST_AT_LEAST = 3  # one mail from a phone that goes around our servers is no failure of theirs
HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
MINUTE, STEP = timedelta(minutes=1), timedelta(minutes=10)

OURS = ("token-of-another", "old")  # why we do not believe a mail, whatever the mail system said
DUPLICATE, SUSPECT = "duplicate of", "spoof-suspect"
POSED = "somebody poses as people with a role"
LOST = "our mail system no longer says who sent a mail"


@dataclass(frozen=True, slots=True)
class Watch:
    store: Store
    policy: Policy
    notices: Notices

    def first(self, found: ParsedMail, raw: bytes, inbox: int, now: datetime) -> int:
        """The inbox row of the same mail that came before, 0 for none. One that was held as forged does not count: who
        copies what a colleague sends must not make the true report a duplicate (trust.md I7)."""
        key = reading.duplicate_key(found, raw)
        before = self.store.first_time(key, inbox, now)
        if not before:
            return 0
        was = claims.outcome(self.store, before)
        if was.state != "held" or not was.reason.startswith(SUSPECT):
            return before
        self.store.take_over(key, inbox)
        return 0

    def collision(self, found: ParsedMail, inbox: int, why: str, now: datetime) -> str:
        """ "Same Message-ID, other content: not a duplicate, flagged" (trust.md I7): what is added to the reason."""
        key = reading.id_key(found)
        if not key or why.startswith(DUPLICATE):
            return ""
        before = self.store.first_time(key, inbox, now)
        return f", msgid-collision with {before}" if before else ""

    def posed(self, found: ParsedMail, now: datetime) -> None:
        """A mail is held as `spoof-suspect`: "3 EX naming a role holder in 10 min -> immediate operator alert"."""
        people = self.policy
        holders = {*people.triagers, *people.authority, *people.confirmers, people.operator}
        named = holders.intersection(read_list(found.headers.get("from", ())))
        if not named:
            return
        tallies.count(self.store, "posed", now, span=MINUTE, keep=POSING_WITHIN)
        if tallies.counted(self.store, "posed", now - POSING_WITHIN, now + MINUTE, span=MINUTE) >= POSING:
            self.notices.add(POSED, f"{POSING} mails in ten minutes, the last one as {', '.join(sorted(named))}")

    def stamped(self, author: str, sure: Evidence, now: datetime) -> None:
        """Counts internal mail and how much of it nobody vouches for: "> 20 % E0 of internal mail in 1 h while the week
        before had < 2 %". Nothing is believed more easily meanwhile."""
        if self.policy.profile == "none" or not admits(self.policy.internal, author):
            return
        bare = sure.level is Level.E2 or (sure.level is Level.E0 and sure.rule not in OURS)
        tallies.count(self.store, "internal", now, span=STEP, keep=HOUR + WEEK)
        if not bare:
            return
        tallies.count(self.store, "unvouched", now, span=STEP, keep=HOUR + WEEK)
        latest, lost = self._share(now - HOUR + STEP, now + STEP)
        _, usual = self._share(now - HOUR - WEEK, now - HOUR + STEP)
        unusual = usual < USUAL_SHARE or self.store.noticed(LOST, now - 2 * HOUR)  # it lasts, and is no custom yet
        if latest >= LOST_AT_LEAST and lost > LOST_SHARE and unusual:
            self.notices.add(LOST, f"{latest} internal mails, {lost:.0%} of the last hour's; before that {usual:.1%}")

    def _share(self, since: datetime, until: datetime) -> tuple[int, float]:
        """(internal mails that nobody vouched for, their share); 1.0 where there was none, for nothing is usual yet."""
        bare = tallies.counted(self.store, "unvouched", since, until, span=STEP)
        all_ = tallies.counted(self.store, "internal", since, until, span=STEP)
        return bare, bare / all_ if all_ else 1.0
