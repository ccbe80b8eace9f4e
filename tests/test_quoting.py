"""What a person newly wrote is found in every layout of every mail program; what we or others wrote is never taken for it."""

from __future__ import annotations

import importlib.util
import json
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagemail.mail import quoting
from triagemail.mail.quoting import Kind, new_text, split

ROOT = Path(__file__).parent.parent
CORPUS = ROOT.parent / "shared/corpus/replies.jsonl"

ASK = """\
Thank you, we have your report: it is #42. Please add 5 more answers.

The most important one: how soon do you need us?

Answer with one line:
P0
P1
P2 because there is a workaround

Just answer this mail and write below each open question, marked [ ]. Some now and the rest later is fine too.

[ ] 1. What is happening?
What did you see, where, since when?

[ ] 2. What did you expect instead?
"Not sure" is an answer too.

[ ] 3. How can we see it ourselves?
Steps, a link, an account or order number. A screenshot is enough.

[ ] 4. Who is affected, and can they work around it?
Which customers, how many.

[ ] 5. What type of response do you want from me?
One of P0, P1, P2, P3. This one you must pick.

-- 
You get this because issues@acme.example received this report from your address. At most one reminder follows.
agree
withdraw: it works again
"""

ANSWERS = {
    "1. What": ["The shop shows a white page since 9:40.", "Nobody can pay."],
    "2. What": ["the cart"],
    "3. How": ["https://shop.acme.example/cart and then Pay"],
    "4. Who": ["all customers, no workaround"],
    "5. What": ["P0"],
}
TYPED = [line for answer in ANSWERS.values() for line in answer]


def gt(text: str, wrap: int = 0) -> str:
    """Quoted with `> `; wrapped as some clients do, with the tail left unmarked by none of them."""
    lines = text.split("\n")
    if wrap:
        lines = [part for line in lines for part in (textwrap.wrap(line, wrap) or [""])]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def inline(quoted: str, answers: dict[str, list[str]] = ANSWERS, *, blank: bool = True) -> str:
    """Each answer typed below its question and the question's help text."""
    blocks = []
    for block in quoted.replace("\n> \n", "\n>\n").split("\n>\n" if ">" in quoted else "\n\n"):
        typed = [line for key, answer in answers.items() if f"] {key}" in block for line in answer]
        blocks.append("\n".join([block, *([""] * blank), *typed, *([""] * blank)]) if typed else block)
    return ("\n>\n" if ">" in quoted else "\n\n").join(blocks)


def outlook(labels: str, bold: str = "", rule: str = "") -> str:
    """The header block of Outlook: `From|Sent|To|Subject` in the language of the program."""
    values = ("Acme Issues <issues@acme.example>", "Monday, May 3, 2027 10:00 AM", "Ann Lee <ann@acme.example>", "[#42] Shop down")
    lines = [f"{bold}{label}:{bold} {value}" for label, value in zip(labels.split("|"), values, strict=True)]
    return "\n".join(filter(None, (rule, *lines))) + "\n"


@dataclass(frozen=True)
class Reply:
    """One reply to ASK, as a mail program writes it."""

    client: str
    text: str
    expected: list[str]
    parent: str = ASK


TOP = "It is P0.\nNobody can pay."
SAID = ["It is P0.", "Nobody can pay."]
RULE = "_" * 32
GMAIL = "On Mon, May 3, 2027 at 10:00 AM Acme Issues <issues@acme.example> wrote:"

REPLIES = [
    Reply("Gmail web, en, top", f"{TOP}\n\n{GMAIL}\n\n{gt(ASK)}", SAID),
    Reply("Gmail web, en, intro wrapped, top", f"{TOP}\n\nOn Mon, May 3, 2027 at 10:00 AM Acme Issues <\nissues@acme.example> wrote:\n\n{gt(ASK, 70)}", SAID),
    Reply("Gmail web, en, inline", f"{GMAIL}\n\n{inline(gt(ASK))}", TYPED),
    Reply("Gmail web, en, bottom", f"{GMAIL}\n{gt(ASK)}\n\n{TOP}", SAID),
    Reply("Gmail mobile, de, top", f"{TOP}\n\nAm Mo., 3. Mai 2027 um 10:00 Uhr schrieb Acme Issues <issues@acme.example>:\n\n{gt(ASK)}", SAID),
    Reply("Gmail mobile, fr, inline", f"Le lun. 3 mai 2027 à 10:00, Acme Issues <issues@acme.example> a\nécrit :\n\n{inline(gt(ASK, 72))}", TYPED),
    Reply("Gmail web, ja, top", f"{TOP}\n\n2027年5月3日(月) 10:00 Acme Issues <issues@acme.example>:\n\n{gt(ASK)}", SAID),
    Reply("Gmail mobile, tr, bare quote", f"{TOP}\n\nAcme Issues <issues@acme.example>, 3 May 2027 Pzt, 10:00 tarihinde şunu yazdı:\n\n{ASK}", SAID),
    Reply("Apple Mail, en, top", f"{TOP}\n\n> On 3 May 2027, at 10:00, Acme Issues <issues@acme.example> wrote:\n> \n{gt(ASK)}", SAID),
    Reply("Apple Mail, it, inline", f"> Il giorno 3 mag 2027, alle ore 10:00, Acme Issues <issues@acme.example> ha scritto:\n>\n{inline(gt(ASK), blank=False)}", TYPED),
    Reply("iOS, es, signature", f"{TOP}\n\nEnviado desde mi iPhone\n\n> El 3 may 2027, a las 10:00, Acme Issues <issues@acme.example> escribió:\n> \n{gt(ASK)}", SAID),
    Reply("iOS, nl, inline", f"Verstuurd vanaf mijn iPhone\n\n> Op 3 mei 2027 om 10:00 heeft Acme Issues <issues@acme.example> het volgende geschreven:\n>\n{inline(gt(ASK))}", TYPED),
    Reply("Thunderbird, en, bottom", f"On 5/3/27 10:00, Acme Issues wrote:\n{gt(ASK, 72)}\n\n{TOP}\n\n-- \nAnn Lee\nAcme Shop", SAID),
    Reply("Thunderbird, de, inline", f"Am 03.05.27 um 10:00 schrieb Acme Issues:\n{inline(gt(ASK, 72))}\n\n-- \nAnn Lee", TYPED),
    Reply("Thunderbird, pl, inline", f"W dniu 3.05.2027 o 10:00, Acme Issues pisze:\n{inline(gt(ASK))}", TYPED),
    Reply("Outlook desktop, en, top", f"{TOP}\n\n{outlook('From|Sent|To|Subject')}\n{ASK}", SAID),
    Reply("Outlook desktop, en, inline without marks", f"See my answers below.\n\n{outlook('From|Sent|To|Subject')}\n{inline(ASK)}", ["See my answers below.", *TYPED]),
    Reply("Outlook desktop, de, inline without marks", f"Antworten unten\n\n{outlook('Von|Gesendet|An|Betreff')}\n{inline(ASK, blank=False)}", ["Antworten unten", *TYPED]),
    Reply("Outlook desktop, fr, original message", f"{TOP}\n\n-----Message d'origine-----\n{outlook('De|Envoyé|À|Objet')}\n{ASK}", SAID),
    Reply("Outlook desktop, pt, bold stars, inline", f"Veja abaixo\n\n{outlook('De|Enviado|Para|Assunto', '*')}\n{inline(ASK)}", ["Veja abaixo", *TYPED]),
    Reply("Outlook web, en, rule, top", f"{TOP}\n\n{outlook('From|Sent|To|Subject', rule=RULE)}\n{ASK}", SAID),
    Reply("Outlook web, sv, inline", f"Hej,\n{outlook('Från|Skickat|Till|Ämne', rule=RULE)}\n{inline(ASK)}", ["Hej,", *TYPED]),
    Reply("Outlook mobile, en", f"{TOP}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n{outlook('From|Sent|To|Subject', rule=RULE)}\n{ASK}", SAID),
    Reply("Outlook mobile, ru", f"{TOP}\n\nСкачать Outlook для Android<https://aka.ms/x>\n{outlook('От|Отправлено|Кому|Тема', rule=RULE)}\n{ASK}", SAID),
    Reply("Yahoo, en, top", f" {TOP}\n    On Monday, May 3, 2027, 10:00:00 AM GMT+2, Acme Issues <issues@acme.example> wrote:  \n \n {ASK}", SAID),
    Reply("Yahoo, es, inline without marks", f"Hola\n    El lunes, 3 de mayo de 2027, 10:00:00 GMT+2, Acme Issues <issues@acme.example> escribió:  \n \n {inline(ASK)}", ["Hola", *TYPED]),
    Reply("Lotus Notes, en, labels with colons", f"{TOP}\n\n\n\nFrom:\tAcme Issues <issues@acme.example>\nTo:\tAnn Lee/Acme@Acme\nDate:\t05/03/2027 10:00 AM\nSubject:\t[#42] Shop down\n\n\n\n{ASK}", SAID),
    Reply("Lotus Notes, en, labels alone", f"{TOP}\n\n\nAcme Issues <issues@acme.example>\n05/03/2027 10:00 AM\n\nTo\nAnn Lee <ann@acme.example>\ncc\n\nSubject\n[#42] Shop down\n\n\n{ASK}", SAID),
    Reply("mutt, en, inline", f"On Mon, May 03, 2027 at 10:00:00AM +0200, Acme Issues wrote:\n{inline(gt(ASK, 72), blank=False)}", TYPED),
    Reply("mutt, cs, bottom", f"Dne 03. 05. 27 v 10:00 Acme Issues napsal(a):\n{gt(ASK, 72)}\n\n{TOP}\n-- \nAnn", SAID),
    Reply("Zoho, en, top", f"{TOP}\n\n---- On Mon, 03 May 2027 10:00:00 +0200 Acme Issues <issues@acme.example> wrote ----\n\n{ASK}", SAID),
    Reply("Samsung, da, top", f"{TOP}\n\nSendt fra min Galaxy\n\n-------- Oprindelig besked --------\nFra: Acme Issues <issues@acme.example>\nDato: 03.05.2027 10.00 (GMT+01:00)\nTil: Ann Lee\nEmne: [#42] Shop down\n\n{ASK}", SAID),
    Reply("unknown program and language, no marks", f"{TOP}\n\nQorze 3 zwi 2027 10:00 blarg Acme Issues issues@acme.example frobul:\n\n{ASK}", SAID),
    Reply("unknown program, unknown header block", f"{TOP}\n\nQa: Acme Issues <issues@acme.example>\nQb: 3.5.2027 10:00\nQc: Ann\nQd: [#42]\n\n{ASK}", SAID),
    Reply("one tap, no quote", "P2 because there is a workaround\n", ["P2 because there is a workaround"]),
    Reply("one tap above the quote", f"P0\n\n{GMAIL}\n\n{gt(ASK)}", ["P0"]),
    Reply("one word of our mail, below the quote", f"{GMAIL}\n\n{gt(ASK)}\n\nagree", ["agree"]),
    Reply("marks of two kinds", f"{GMAIL}\n\n{gt(gt(ASK))}\n{inline(gt(ASK))}", TYPED),
]  # fmt: skip


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.client)
def test_answers_are_found_and_our_own_lines_are_not(reply: Reply) -> None:
    """trust.md C10: 0 commands from quoted text, 0 answers lost, wherever the answers stand."""
    lines = split(reply.text, reply.parent)
    assert reply.expected == [line.strip() for line in new_text(lines).split("\n") if line.strip()]


def test_there_are_enough_layouts() -> None:
    """trust.md C10: 25 real client layouts (Outlook, Gmail, Apple, Thunderbird, mobile; top, inline, bottom)."""
    assert len(REPLIES) >= 25
