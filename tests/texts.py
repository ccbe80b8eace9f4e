"""Texts as quoting.py would split them, and the built-in table and questions to read them with."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from triagemail.mail import commands, report
from triagemail.mail.commands import Reading
from triagemail.mail.languages import texts_of
from triagemail.mail.quoting import Kind, Line
from triagemail.mail.report import Report
from triagemail.mail.words import Words, parse_words
from triagemail.process.intents import Intent
from triagemail.process.model import Evidence, Level, Question

ROOT = Path(__file__).parent.parent
TABLE = (ROOT / "templates" / "en" / "words.toml").read_text(encoding="utf-8")
WORDS = parse_words(*texts_of("words.toml"))  # all languages, as the service reads them
DEFAULTS = tomllib.loads((ROOT / "triagemail" / "defaults.toml").read_text(encoding="utf-8"))
QUESTIONS = tuple(Question(**{**q, "aliases": tuple(q["aliases"])}) for q in DEFAULTS["question"])
CODES = frozenset(tomllib.loads((ROOT / "templates" / "en" / "outcomes.toml").read_text(encoding="utf-8")))
"""The outcome codes that have a sentence."""
MARKS = {">": Kind.QUOTE, "=": Kind.OURS, "~": Kind.FORWARDED, "$": Kind.SIGNATURE, "^": Kind.INTRO}


def lines(text: str) -> tuple[Line, ...]:
    """The lines of a text; one that starts with a mark and a space has its kind:

    `> ` quote, `= ` ours, `~ ` forwarded, `$ ` signature, `^ ` intro; all others are new.
    """
    marked = [(MARKS.get(row[:1]) if row[1:2] == " " else None, row) for row in text.split("\n")]
    return tuple(Line(row[2:], kind) if kind else Line(row, Kind.NEW) for kind, row in marked)


def blank(questions: tuple[Question, ...]) -> str:
    """The template as plain text, to be filled in; `report.read` finds no answer in it as it is."""
    return "\n".join(
        f"{n}. {q.label}\n{q.help}\n\n" if q.help else f"{n}. {q.label}\n\n" for n, q in enumerate(questions, 1)
    )


def report_of(text: str, subject: str = "Checkout", *, attachments: bool = False, reply: bool = False) -> Report:
    return report.read(lines(text), subject, QUESTIONS, words=WORDS, attachments=attachments, reply=reply)


EVIDENCE = Evidence(Level.E1, "test")
# who says it and where, not what
OTHERS = ("by", "evidence", "issue", "mail", "sent_at", "broadcast_reply", "unasked", "by_number")


def commands_in(
    rows: tuple[Line, ...], subject: str = "", *, issue: int | None = None, fresh: bool = False, words: Words = WORDS,
    everyday: frozenset[str] = frozenset(),
) -> Reading:  # fmt: skip
    return commands.read(
        rows, subject, by="sara@acme.example", evidence=EVIDENCE, issue=issue, mail=3, words=words, fresh=fresh,
        everyday=everyday,
    )  # fmt: skip


def commands_of(text: str, subject: str = "", *, issue: int | None = 7, fresh: bool = False) -> Reading:
    """By default those of a reply about issue 7."""
    return commands_in(lines(text), subject, issue=issue, fresh=fresh)


def said(intent: Intent) -> tuple[object, ...]:
    """An intent as (its name, its own values …)."""
    own = [name for name in type(intent).__dataclass_fields__ if name not in OTHERS]
    return (type(intent).__name__, *(getattr(intent, name) for name in own))


def ratio(unit: str, kind: Kind, work: Callable[[tuple[Line, ...], str], object]) -> float:
    """How much longer `work` takes for 1 MB of repeated `unit` than for 100 kB (at least 20 ms), in processor time.

    `work` gets the text as lines of `kind`, and as it is.
    """

    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        made: dict[str, Line] = {}
        rows = tuple(made.setdefault(row, Line(row, kind)) for row in text.split("\n"))
        started = time.process_time()
        work(rows, text)
        return time.process_time() - started

    def once() -> float:
        return seconds(1_000_000) / max(seconds(100_000), 0.02)

    return once() if (found := once()) > 15 else found  # what is not linear is so twice; another program's load is not


# Every shape in which people report, all with the same answers.
FULL = {
    "what": "The checkout shows a blank page.",
    "expected": "An order.",
    "see": "Click on pay.",
    "affected": "Everybody, no workaround.",
    "priority": "P1",
}
SHAPES = {
    "label and answer": """\
What is happening? The checkout shows a blank page.
Expected behaviour: An order.
Steps to reproduce: Click on pay.
Who is affected? Everybody, no workaround.
Priority: P1""",
    "numbered, answer on the next line": """\
1. What is happening?
The checkout shows a blank page.

2. What did you expect instead?
An order.

3. How can we see it ourselves?
Click on pay.

4. Who is affected, and can they work around it?
Everybody, no workaround.

5. What type of response do you want from me?
P1""",
    "numbered, answer on the same line": """\
1) What is the issue? The checkout shows a blank page.
2) What should happen? An order.
3) How to reproduce: Click on pay.
4) Impact - Everybody, no workaround.
5) Priority (0-3): P1""",
    "bulleted": """\
- What happened: The checkout shows a blank page.
* Expected: An order.
• Evidence (logs, screenshots, links): Click on pay.
– Impact: Everybody, no workaround.
- Prio: P1""",
    "only numbers": """\
1. The checkout shows a blank page.
2. An order.
3. Click on pay.
4. Everybody, no workaround.
5. P1""",
    "form of a web page, one cell a line": """\
What is happening?: The checkout shows a blank page.
What did you expect instead?: An order.
How can we see it ourselves?: Click on pay.
Affected customers: Everybody, no workaround.
Type of response: P1""",
    "table, cells apart": """\
Problem  The checkout shows a blank page.
Expected result\tAn order.
Steps to reproduce    Click on pay.
Affected  Everybody, no workaround.
Priority  P1""",
    "table with edges": """\
| What is happening? | The checkout shows a blank page. |
| Expected | An order. |
| Steps | Click on pay. |
| Impact | Everybody, no workaround. |
| Priority | P1 |""",
    "numbered table": """\
1  Problem  The checkout shows a blank page.
2  Expected  An order.
3  Steps  Click on pay.
4  Impact  Everybody, no workaround.
5  Priority  P1""",
    "stars": """\
*What is happening?*
The checkout shows a blank page.
*What did you expect instead?* An order.
*Steps to reproduce:* Click on pay.
*Impact* Everybody, no workaround.
*Priority*: P1""",
    "bold": """\
**What is happening?**
The checkout shows a blank page.
__Expected__ An order.
**Steps to reproduce:** Click on pay.
**Who is affected?** Everybody, no workaround.
**Priority** P1""",
    "headings": """\
# What is happening?
The checkout shows a blank page.

## Expected behavior
An order.

### Steps to reproduce
Click on pay.

## Impact
Everybody, no workaround.

## Priority
P1""",
    "capitals, accents, arrows": """\
WHAT IS HAPPENING -> The checkout shows a blank page.
ÈXPECTED = An order.
How can we see it? Click on pay.
“Who’s affected?” Everybody, no workaround.
PRIORITY -> P1""",
    "by number": """\
Answer 1: The checkout shows a blank page.
answer 2 - An order.
Q3: Click on pay.
Question 4: Who is affected? Everybody, no workaround.
Answer #5: P1""",
    "tick boxes": """\
[x] 1. What is happening? The checkout shows a blank page.
[ ] 2. What did you expect instead?
    An order.
☐ 3. How can we see it ourselves? Click on pay.
( ) 4. Who is affected, and can they work around it? Everybody, no workaround.
[ ] 5. What type of response do you want from me?
    P1""",
    "with its help text": """\
1. What is happening? What did you see, where, since when?
The checkout shows a blank page.
2. What did you expect instead?
It is fine to answer "not sure".
An order.
3. How can we see it ourselves?
Steps, a link, an account or order number. A screenshot or a
recording is enough: no typing needed.
Click on pay.
4. Who is affected, and can they work around it?
Which customers, how many. Everybody, no workaround.
5. What type of response do you want from me?
This is the priority: P0, P1, P2 or P3. You pick it, and we may ask you about it.
P1""",
    "greeting and closing": """\
Hi team,

What is happening? The checkout shows a blank page.
Expected: An order.
Steps: Click on pay.
Priority: P1
Impact: Everybody, no workaround.

Kind regards,
Bob Miller
ACME Support""",
    "German": """\
Was passiert? The checkout shows a blank page.
Erwartetes Verhalten: An order.
Schritte zur Reproduktion: Click on pay.
Wer ist betroffen? Everybody, no workaround.
Priorität: P1""",
    "French, accents apart": """\
Que se passe-t-il ? The checkout shows a blank page.
Comportement attendu : An order.
E\u0301tapes : Click on pay.
Qui est touché ? Everybody, no workaround.
Priorite\u0301 : P1""",
    "Spanish": """\
¿Qué está pasando? The checkout shows a blank page.
Resultado esperado: An order.
Pasos para reproducir: Click on pay.
¿Quién está afectado? Everybody, no workaround.
Prioridad: P1""",
}
