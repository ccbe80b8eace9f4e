"""Who cannot be reached: what came back is counted per reader, who has a role is told of at once (trust.md L6, O2).

The numbers are Mailman's: a hard bounce counts 1, a soft one 0.5, once a day, and 5 disable a subscription; without a
bounce for 7 days the score is stale (Mailman administration manual 2.8). What was refused for its content says nothing
of the address: Mailman counts it, and its users are sorry (mailman #624).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from triagemail.process import disputes, duty
from triagemail.process import intents as want
from triagemail.process.events import Decision, Draft, SubscriberLeft
from triagemail.process.intents import Snapshot
from triagemail.process.model import Policy, Reach
from triagemail.process.readers import BounceCounted, ProbeSent, SubscriberDisabled, SubscriberEnabled, clocks
from triagemail.process.subscriptions import may_join

WEIGHTS: Mapping[str, float] = {"hard": 1.0, "soft": 0.5, "unknown": 0.5}
FAILED = (*WEIGHTS, "content")  # the mail did not arrive; a delayed one may
THRESHOLD = 5.0
STALE = timedelta(days=7)
PROBES = 3


def returned(intent: want.MailReturned, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """ "Role holders are never disabled, operator is told"; of all others who get broadcasts it is counted."""
    found = roles(intent.by, snapshot, policy)
    if intent.meaning not in FAILED:
        return Decision()
    if found:
        return _next_in_line(intent, found, snapshot, now, policy)
    reach = snapshot.reach or Reach()
    if snapshot.wishes is None or reach.disabled or intent.meaning not in WEIGHTS:
        return Decision()
    return _count(intent, reach, now, policy)


def _count(intent: want.MailReturned, reach: Reach, now: datetime, policy: Policy) -> Decision:
    """ "Score 1/day, 5 to disable, 3 probes"."""
    zone = policy.hours.zone()
    before = reach.bounced_at
    if before is not None and before.astimezone(zone).date() == now.astimezone(zone).date():
        return Decision()
    kept = reach.score if before is not None and now - before <= STALE else 0.0
    score = kept + WEIGHTS[intent.meaning]
    event = BounceCounted(issue=0, at=now, by="", address=intent.by, meaning=intent.meaning, score=score)
    if score < THRESHOLD:
        return Decision(events=(event,))
    disabled = SubscriberDisabled(issue=0, at=now, by="", address=intent.by)
    return Decision(events=(event, disabled)) + _probe(intent.by, 1, now)


def _probe(address: str, number: int, now: datetime) -> Decision:
    event = ProbeSent(issue=0, at=now, by="", address=address, probe=number)
    return Decision(events=(event,), drafts=(Draft("probe", address, None, {"probe": number, "probes": PROBES}),))


def probe_over(intent: want.ProbeOver, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """A probe that did not come back shows that they can be reached; after the third that did they are off the list."""
    reach = snapshot.reach
    due = None if reach is None else clocks(reach).get("probe")
    if reach is None or due is None or due > now or snapshot.wishes is None:
        return Decision()
    if snapshot.probe == "arrived":
        return _enable(intent.by, "probe-arrived", now)
    if roles(intent.by, snapshot, policy):  # they were given one since
        return _enable(intent.by, "role", now)
    if snapshot.probe == "returned" and reach.probes >= PROBES:
        return Decision(events=(SubscriberLeft(issue=0, at=now, by="", address=intent.by),))
    return _probe(intent.by, reach.probes + (snapshot.probe == "returned"), now)


def heard(intent: want.HeardFrom, snapshot: Snapshot, now: datetime, policy: Policy) -> Decision:
    """Whoever writes is there; an answer to a probe is answered with what its reader gets from now on."""
    there = snapshot.reach is not None and snapshot.reach.disabled
    decision = _enable(intent.by, "heard", now) if there else Decision()
    if not intent.answers or snapshot.wishes is None:
        return decision
    words = {"wishes": snapshot.wishes, "may_join": may_join(intent, policy)}
    return decision + Decision(drafts=(Draft("wishes", intent.by, None, words),))


def _enable(address: str, why: str, now: datetime) -> Decision:
    return Decision(events=(SubscriberEnabled(issue=0, at=now, by="", address=address, why=why),))


# --- who is never disabled --------------------------------------------------------------------------------------------


def roles(address: str, snapshot: Snapshot, policy: Policy) -> tuple[str, ...]:
    """What somebody is needed for, beside reading."""
    held = {
        "triager": policy.triagers,
        "authority": policy.authority,
        "confirmer": policy.confirmers,
        "pager": policy.page,
        "operator": (policy.operator,),
        "owner": tuple(issue.owner for issue in snapshot.issues.values() if issue.live),
    }
    found = tuple(role for role, people in held.items() if address in people)
    return (*found, "group") if snapshot.group else found  # one dead member must not silence a list


def _next_in_line(
    intent: want.MailReturned, held: tuple[str, ...], snapshot: Snapshot, now: datetime, policy: Policy
) -> Decision:
    """ "A bounce from the triager on duty passes every open P0 and P1 to the next in order at once"; one from an
    authority passes on the disputes that wait for them."""
    who, decision, today = intent.by, Decision(), policy
    if "triager" in held or "authority" in held:
        decision, today = duty.gone(snapshot, who, now, policy)
        for issue in snapshot.issues.values():
            decision += disputes.pass_over(issue, who, now, today)
    values = {"who": who, "how": "bounced", "said": intent.said, "roles": held, "duty": today.duty}
    to_operator = Draft("unreachable", policy.operator, None, values, 1, cause=f"unreachable:{who}")
    return decision + Decision(drafts=(to_operator,) if policy.operator not in ("", who) else ())
