"""The state matrix: every command in every state of an issue, from everybody, once and twice (process.md 1 to 9)."""

from __future__ import annotations

from typing import Any
from datetime import timedelta

from scenes import P0, P1, P2, P3
from triagemail.process import intents as want
from triagemail.process.intents import Intent
from triagemail.process.model import Kind
from scenes import *

HALF_HOUR = timedelta(minutes=30)
COMMANDS: dict[str, tuple[type[Intent], dict[str, Any]]] = {
    "answers": (want.FillIn, {"answers": {"see": "Open the shop."}}),
    "answers and P0": (want.FillIn, {"answers": {"see": "Open the shop."}, "priority": P0}),
    "yes": (want.FillIn, {}),
    "prose": (want.Comment, {"text": "Any news?"}),
    "prose to the list": (want.Comment, {"text": "Any news?", "broadcast_reply": True}),
    "agree": (want.Agree, {}),
    **{f"{p}": (want.SetPriority, {"priority": p}) for p in Priority},
    **{f"{p} because": (want.SetPriority, {"priority": p, "reason": "it is so"}) for p in Priority},
    "decline": (want.Decline, {}),
    "decline: why": (want.Decline, {"reason": "works as agreed"}),
    "withdraw": (want.Withdraw, {}),
    "bug": (want.SetKind, {"kind": Kind.BUG}),
    "feature": (want.SetKind, {"kind": Kind.FEATURE}),
    "expected: so": (want.DefineExpected, {"text": "a dark mode"}),
    "expected:": (want.DefineExpected, {}),
    "area billing": (want.SetArea, {"area": "billing"}),
    "area moon": (want.SetArea, {"area": "moon"}),
    "duplicate": (want.MarkDuplicate, {"of": -1}),
    "duplicate of nothing": (want.MarkDuplicate, {"of": 999}),
    "duplicate of itself": (want.MarkDuplicate, {"of": 0}),
    "call": (want.BookCall, {}),
    "owner carl": (want.NameOwner, {"owner": CARL}),
    "owner anna": (want.NameOwner, {"owner": ANNA}),
    "mine": (want.TakeOwnership, {}),
    "not me": (want.RefuseOwnership, {"reason": "I do not know it"}),
    "dispute": (want.Dispute, {}),
    "dispute: why": (want.Dispute, {"reason": "nobody can pay"}),
    "dispute: P0, why": (want.Dispute, {"reason": "nobody can pay", "priority": P0}),
    "rock": (want.Throw, {"hand": "rock"}),
    "paper": (want.Throw, {"hand": "paper"}),
    "update:": (want.SendUpdate, {}),
    "update: text": (want.SendUpdate, {"text": "It is being fixed."}),
    "update: long": (want.SendUpdate, {"text": "long " * 200}),
    "correction: text": (want.SendUpdate, {"text": "It was the other one.", "correction": True}),
    "next update in 30 minutes": (want.SetNextUpdate, {"after": HALF_HOUR, "said": "in 30 minutes"}),
    "next update in 9 days": (want.SetNextUpdate, {"after": timedelta(days=9), "said": "in 9 days"}),
    "headline": (want.SetHeadline, {"headline": "Shop is down"}),
    "doc": (want.SetDoc, {"url": "https://docs.acme.example/1"}),
    "resolve:": (want.Resolve, {}),
    "resolve: text": (want.Resolve, {"text": "rolled back"}),
    "reopen": (want.Reopen, {}),
    "reopen: why": (want.Reopen, {"reason": "again"}),
    "band-aid": (want.AddBandAid, {"text": "restart it at noon"}),
    "done": (want.FinishBandAid, {}),
    "done 1": (want.FinishBandAid, {"which": 1}),
    "done 9": (want.FinishBandAid, {"which": 9}),
    "remediate": (want.Remediate, {}),
    "remediate P2: text": (want.Remediate, {"priority": P2, "text": "pay the fee back"}),
    "retry: text": (want.EndRemediation, {"how": "retry", "text": "order again"}),
    "retry:": (want.EndRemediation, {"how": "retry"}),
    "not worth it: text": (want.EndRemediation, {"how": "not-worth-it", "text": "one euro"}),
    "report": (want.FileReport, {"headline": "Shop is down", "answers": FULL, "priority": P1}),
    "report for somebody": (want.FileReport, {"headline": "Down", "answers": FULL, "priority": P2, "behalf": BOB}),
    "duty": (want.TakeDuty, {}),
    "duty carl": (want.TakeDuty, {"to": CARL}),
    "duty bob": (want.TakeDuty, {"to": BOB}),
    "away": (want.GoAway, {"after": timedelta(days=2), "said": "2 days"}),
    "away until a day": (want.GoAway, {"day": (12, 3), "said": "until 3 December"}),
    "away until no day": (want.GoAway, {"day": (2, 30), "said": "until 30 February"}),
    "out of office": (want.TriagerUnreachable, {"how": "away"}),
    "bounce": (want.TriagerUnreachable, {"how": "bounced"}),
    "feedback": (want.GiveFeedback, {"text": "too many mails"}),
    "feedback:": (want.GiveFeedback, {}),
    "undo": (want.UndoLast, {}),
    "accepted": (want.Note, {"what": "accepted"}),
    "subscribe": (want.Subscribe, {}),
    "subscribe P0": (want.Subscribe, {"priority": P0}),
    "subscribe P3": (want.Subscribe, {"priority": P3}),
    "subscribe area": (want.Subscribe, {"area": "billing"}),
    "subscribe area moon": (want.Subscribe, {"area": "moon"}),
    "subscribe issue": (want.Subscribe, {"follow": 0}),
    "subscribe issue nothing": (want.Subscribe, {"follow": 999}),
    "unsubscribe": (want.Unsubscribe, {}),
    "unsubscribe issue": (want.Unsubscribe, {"mute": 0}),
    "unsubscribe issue nothing": (want.Unsubscribe, {"mute": 999}),
    "unsubscribe area": (want.Unsubscribe, {"area": "billing"}),
    "unsubscribe area moon": (want.Unsubscribe, {"area": "moon"}),
    "digest": (want.Digest, {}),
    "pause": (want.Pause, {"after": timedelta(days=14)}),
    "pause no day": (want.Pause, {"day": (2, 30)}),
    "resume": (want.Resume, {}),
    "yes to nothing": (want.Confirm, {}),
    "no to nothing": (want.Confirm, {"cancel": True}),
    **{
        f"{what}?": (want.Ask, {"what": what})
        for what in ("help", "template", "process", "status", "list", "board", "backlog")
    },
    "near miss": (want.NearMiss, {"said": "agre", "meant": "agree"}),
    "too many": (want.TooMany, {"count": 11}),
}


def wish(scene, by, label, number=None):
    what, values = COMMANDS[label]
    number = scene.number if number is None else number
    values = {
        k: (scene.other if v == -1 else scene.number if v == 0 else v) if k in ("of", "follow", "mute") else v
        for k, v in values.items()
    }
    return what(by=by, evidence=sure(Level.E2), issue=number, **values)
