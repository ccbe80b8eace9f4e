"""How our mails fare with a reader (trust.md L6): the rule, and what the store knows of it on both engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from chat import opened, talk_directly, to
from reports import comes_back
from test_process import POLICY
from test_wishes import BOB, KIM, LENA, NOW, P0, TOM, expand_all, queue, readers, wish

from triagemail.process import codec
from triagemail.process import intents as want
from triagemail.process import readers as fold
from triagemail.process.bounces import heard, probe_over, returned
from triagemail.process.events import Audience, Event, SubscriberLeft
from triagemail.process.intents import Snapshot
from triagemail.process.model import Evidence, Level, Reach, Wishes
from triagemail.store import audience, reach
from triagemail.store.store import Store

DAY = timedelta(days=1)
SURE = Evidence(Level.E2, "return-path")
GONE = Reach(5.0, NOW, NOW, 1, NOW)

# --- the rule ---------------------------------------------------------------------------------------------------------

MEANINGS = ("hard", "hard", "hard", "hard", "soft", "unknown", "content", "delayed", "")
SPANS = (0.01, 0.5, 1.0, 1.0, 1.0, 3.0, 8.0)  # days until the next thing happens


class Life:
    """A reader to whom things happen, a probe when it is due, until they are off the list."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.now = NOW
        self.reach: Reach | None = None
        self.journal: list[Event] = []
        self.member = True

    def live(self) -> None:
        for _ in range(60):
            self.now += self.chance.choice(SPANS) * DAY
            due = fold.clocks(self.reach).get("probe")
            known = Snapshot(reach=self.reach, wishes=Wishes() if self.member else None, probe=self.chance.choice(CAME))
            if due is not None and due <= self.now:
                decision = probe_over(want.ProbeOver(by=LENA, evidence=SURE), known, self.now, POLICY)
                assert decision.events, "a timer that fires for ever"
            elif self.chance.random() < 0.03:
                decision = heard(want.HeardFrom(by=LENA, evidence=SURE), known, self.now, POLICY)
            else:
                came = want.MailReturned(by=LENA, evidence=SURE, meaning=self.chance.choice(MEANINGS))
                decision = returned(came, known, self.now, POLICY)
            for event in decision.events:
                self.happens(codec.load(codec.dump(event)))

    def happens(self, event: Event) -> None:
        self.journal.append(event)
        self.reach = fold.evolve(self.reach, event)
        self.member = self.member and not isinstance(event, SubscriberLeft)


CAME = ("arrived", "returned", "returned", "returned", "")


def test_whatever_comes_back_nobody_is_disabled_or_removed_too_soon() -> None:
    """Score 1/day, 5 to disable, 3 probes: a reader is disabled after at least five days with a bounce, none of them
    more than seven days after the one before, and removed only after three probes."""
    reached = set()
    for seed in range(200):
        life = Life(seed)
        life.live()
        days: list[datetime] = []
        probes: list[int] = []
        for event in life.journal:
            reached.add(type(event).__name__)
            match event:
                case fold.BounceCounted():
                    days = [*days, event.at] if days and event.at - days[-1] <= 7 * DAY else [event.at]
                    assert len({day.date() for day in days}) == len(days)
                    assert not probes, "who is probed is not counted"
                case fold.SubscriberDisabled():
                    assert len(days) >= 5
                case fold.ProbeSent():
                    probes.append(event.probe)
                case fold.SubscriberEnabled():
                    days, probes = [], []
                case SubscriberLeft():
                    assert list(dict.fromkeys(probes)) == [1, 2, 3]
        assert life.member or fold.clocks(life.reach) == {}
    assert len(reached) == 5, "a property over lives that never get anywhere would prove nothing"


@pytest.mark.parametrize(
    ("came", "more"), [("arrived", "SubscriberEnabled"), ("returned", "ProbeSent"), ("", "ProbeSent")]
)
def test_a_probe_is_over_after_a_week(came: str, more: str) -> None:
    """A mail server tries for five days; a probe that never left us is sent anew, and does not count."""
    intent = want.ProbeOver(by=LENA, evidence=SURE)
    known = Snapshot(reach=GONE, wishes=Wishes(), probe=came)
    assert probe_over(intent, known, NOW + 7 * DAY - DAY / 2, POLICY).events == ()
    (event,) = probe_over(intent, known, NOW + 7 * DAY, POLICY).events
    assert type(event).__name__ == more
    if isinstance(event, fold.ProbeSent):
        assert event.probe == (2 if came else 1)
    (event,) = probe_over(intent, known, NOW + 7 * DAY, replace(POLICY, confirmers=(LENA,))).events
    assert isinstance(event, fold.SubscriberEnabled), "role holders are never disabled"
    assert probe_over(intent, replace(known, wishes=None), NOW + 8 * DAY, POLICY).events == ()
    assert probe_over(intent, replace(known, reach=None), NOW + 8 * DAY, POLICY).events == ()


# --- the store --------------------------------------------------------------------------------------------------------


def keep(store: Store, **found: Reach | None) -> None:
    with store.transaction():
        for name, each in found.items():
            reach.save(store, store.person(f"{name}@acme.example"), each)


def subscribed(store: Store, *addresses: str) -> None:
    with store.transaction():
        for address in addresses:
            audience.join(store, address, NOW)


def test_what_is_kept_comes_back(store: Store) -> None:
    """Every field, and none where nothing came back."""
    whole: Mapping[str, Reach] = {
        "lena": Reach(0.5, NOW), "tom": GONE, "kim": Reach(7.5, NOW, NOW + DAY, 3, None, NOW + 9 * DAY)
    }  # fmt: skip
    keep(store, **whole)
    for name, each in whole.items():
        assert reach.read(store, store.person(f"{name}@acme.example")) == each
    assert reach.read(store, store.person(BOB)) is None
    assert reach.by_address(store) == {f"{name}@acme.example": each for name, each in whole.items()}
    assert [reach.disabled(store, who) > 0 for who in (LENA, TOM, KIM, BOB)] == [False, True, True, False]
    assert [who for who, _ in reach.lost(store, NOW - DAY, NOW)] == [TOM]
    assert [who for who, _ in reach.lost(store, NOW, NOW + 9 * DAY)] == [KIM]
    assert reach.lost(store, NOW + 9 * DAY, NOW + 20 * DAY) == ()
    keep(store, lena=None)
    assert reach.read(store, store.person(LENA)) is None


def test_a_disabled_reader_gets_no_broadcast_and_no_digest(store: Store) -> None:
    """A disabled subscriber gets no broadcasts; who follows a single issue does not either."""
    subscribed(store, BOB, LENA, TOM)
    wish(store, TOM, digest=True)
    wish(store, KIM, member=False, issues=(1,))
    keep(store, lena=GONE, tom=GONE, kim=GONE, bob=Reach(4.5, NOW))
    made = queue(store, Audience(P0, 1))
    expand_all(store)
    assert readers(store, made) == [BOB]
    assert audience.digests(store, NOW - DAY, NOW) == []
    keep(store, tom=None)
    assert [who for _, who in audience.digests(store, NOW - DAY, NOW)] == [(TOM,)]
    assert {m.address: m.reach for m in audience.members(store)} == {BOB: Reach(4.5, NOW), LENA: GONE, TOM: None}


def test_a_delivery_comes_back_once(store: Store) -> None:
    """L6: a report is about one delivery; its words are kept with it, and a second one changes nothing."""
    subscribed(store, LENA)
    made = queue(store, Audience(P0, 1))
    expand_all(store)
    lena = store.person(LENA)
    with store.transaction():
        assert not reach.came_back(store, made + 1, lena, "550 5.1.1 gone", NOW)
        assert not reach.came_back(store, made, store.person(TOM), "550 5.1.1 gone", NOW)
        assert reach.came_back(store, made, lena, "550 5.1.1 gone", NOW)
        assert not reach.came_back(store, made, lena, "550 5.1.1 again", NOW)
    assert readers(store, made, "bounced") == [LENA]
    assert reach.last_refusal(store, lena) == "550 5.1.1 gone"
    assert reach.last_probe(store, lena) == ""


def test_the_whole_way_on_both_engines(store_url: str, tmp_path: Path) -> None:
    """L6: 5 true ones on 5 days: disabled + probe; half of them refused by our own relay, half as reports."""
    with talk_directly(tmp_path, store={"url": store_url}, smtp={"connections": 1}) as chat:
        chat.subscribe(LENA)
        triage, _ = opened(chat, "P0")
        chat.answers(triage, "agree")
        for day in range(5):
            chat.clock.advance(DAY)
            chat.settle()
            if day % 2:
                chat.sink.script["RCPT"] = ["550 5.1.1 no such person"] * 20
            out = chat.answers(triage, "update: still looking")
            chat.sink.script.clear()
            for mail in to(out, LENA, "UPDATE"):
                comes_back(chat, mail)
        found = reach.by_address(chat.app.store)[LENA]
        assert (found.score, found.disabled, found.probes) == (5.0, True, 1)
        assert len(to(chat.sent, LENA, "Do our mails reach you")) == 1
