"""A report, read leniently, as people really write (process.md 2).

Text in, values out: no clock, no store. Time is linear in the text (trust.md C6): every line is looked at once, labels
are looked for in its first words only, and no pattern can match one text in two ways.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from triagemail.mail import shapes
from triagemail.mail.headers import clean_header
from triagemail.mail.priority import SUBJECT_LIMIT, bare, in_subject, leads, pick
from triagemail.mail.quoting import Kind, Line
from triagemail.mail.words import (
    LINES,
    Phrases,
    Subject,
    Words,
    by_line,
    composed,
    first_word,
    fold,
    is_greeting,
    longest,
    phrases,
    plain,
    read_subject,
    spaced,
    tokens,
    uncourteous,
)
from triagemail.process.model import PRIORITY, Priority, Question

SEE = "see"  # the key of the question that a screenshot or a recording answers
ATTACHED = "@attached"  # its answer when only an attachment gives it; the templates word it
RECORDINGS = (
    "loom.com", "youtu.be", "youtube.com", "vimeo.com", "jam.dev", "getcloudapp.com", "cl.ly", "zight.com",
    "drive.google.com", "photos.app.goo.gl", "sharepoint.com", "microsoftstream.com", "1drv.ms",
    "onedrive.live.com", "dropbox.com", "wetransfer.com", "we.tl", "streamable.com", "vidyard.com", "tella.tv",
    "screencast.com", "screencast-o-matic.com", "screenpal.com", "recordit.co", "gyazo.com", "imgur.com", "prnt.sc",
    "snipboard.io", "monosnap.com", "droplr.com", "cln.sh", "clip.place", "wistia.com", "usebubbles.com",
    "birdeatsbug.com", "bird.dev", "marker.io", "asciinema.org",
)  # fmt: skip
HEADLINE = 70  # characters of a headline that is made from the text
_LINKS = 20
_HELP = 2000  # characters of a help text
_VIA = 60  # characters of how a report reached a triager
_FAR = 12  # lines of a quote after which its last question is no longer what the person answers

_LEAD = re.compile(
    r"[\s>|*_#`•·▪◦‣●○■□\u200b\u2060\ufeff–—-]*"  # a quote's edge, a bullet, a heading, bold, a table
    r"(?:[\[(][ xX✓✔]?[\])]|[☐☑☒✓✔✗])?[\s*_]*"  # our tick boxes
    r"(?:\(?([0-9]{1,2})(?:[.):]+(?![0-9])|(?=\s\s|\t))[\s*_]*)?"  # its number
    r"[\"'“”„«¿*_]*"
)
_DASHED = re.compile(r"\s{0,3}([0-9]{1,2})\s?[-–—/=]\s(?![0-9])")  # `2 - ten hits`: only where another line is numbered
_MARKS = ":：=?？*_|”» \t"
_WORD = re.compile(r"[^\W_]+")
_GAP = re.compile(r"[*_]*(?:\s{2,}|\t|\s?\|)")
_MORE = re.compile(r"(?:[\s'’-]{1,3}[^\W_]{1,20}){1,4}[\s*_]{0,3}[:?：？]")
_LINK = re.compile(r"https?://[^\s<>\"')\]]{1,2000}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail reports. `answers` has the keys of questions with a real answer, `PRIORITY` where one was picked.

    `material` is what others wrote and the person passed on. `rest` is new text that answers no question: in a reply
    the text above the answers, anywhere an answer to the priority that names none. `behalf` is the normalised address
    of whoever told it to the author, `via` how.
    """

    answers: dict[str, str]
    priority: Priority | None
    headline: str
    material: str
    labelled: bool
    rest: str = ""
    behalf: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Forms:
    """The questions as they are looked for in a text."""

    labels: Phrases
    parts: frozenset[str]  # labels that name a part of a question and stay in the answer
    keys: tuple[str, ...]
    own: frozenset[tuple[str, str]]  # question keys and labels as our mails show them, in every language
    help: Mapping[str, tuple[str, ...]]  # the help below a label of ours, or else of a question by its key
    words: Words

    @property
    def first(self) -> str:
        """The question that free text answers."""
        return next((key for key in self.keys if key != PRIORITY), "")


@dataclass(slots=True)
class _Sheet:
    """The answers while they are read."""

    top: list[str] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)
    current: str | None = None
    last: str | None = None  # where the new text ends
    quoted: bool = False  # the current label stands in a quote
    inline: bool = False  # and so does the label of some answer
    far: int = 0
    help: Sequence[str] = ()  # words of the question's help that may still follow
    labelled: bool = False
    origin: dict[str, str] = field(default_factory=dict)  # `behalf` and `via`

    def opens(self, label: _Label, forms: _Forms, *, quoted: bool) -> _Label:
        self.current, self.quoted, self.far = label.key, quoted, 0
        self.labelled |= not quoted
        self.help = forms.help.get(label.wording) or forms.help[label.key]
        self.parts.setdefault(label.key, [])
        return label

    def add(self, text: str) -> None:
        """New text belongs to the question above it; without one it stands on top."""
        self.last = self.current
        if self.current is None:
            self.top.append(text)
            return
        if self.help and text.strip():
            text, self.help = _unhelped(text, self.help)
        self.parts[self.current].append(text)
        self.labelled |= (said := bool(text.strip()))
        self.inline |= self.quoted and said


def read(
    lines: Sequence[Line],
    subject: str,
    questions: tuple[Question, ...],
    *,
    words: Words,
    attachments: bool = False,
    reply: bool = False,
    for_others: bool = False,
    no_labels: frozenset[str] = frozenset(),
    recordings: tuple[str, ...] = RECORDINGS,
) -> Report:
    """The report in a mail ("A report is read leniently, as people really write"); never raises.

    `lines` is the mail's text as quoting.py splits it, `attachments` whether it carries one in the sense of process.md
    2, `reply` whether it answers a mail of ours: then free text is no answer 1, for that was asked and answered
    before. `for_others`: the author may report for somebody else (`reported by: …`). `no_labels` are lines that were
    understood as commands (`Bug`). `recordings` are domains whose links answer question 3.
    """
    forms = _forms(questions, words)
    sheet = _filled(lines, forms, no_labels, reply=reply, for_others=for_others and not reply)
    if not sheet.labelled:
        _numbered(sheet, forms, reply=reply)
    answers, rest = _answers(sheet, forms, reply=reply)
    head = read_subject(subject, words)
    new = [line.text for line in lines if line.kind is Kind.NEW]
    place = forms.keys.index(PRIORITY) + 1 if PRIORITY in forms.keys else 0
    priority = _priority(answers, rest, head, [_picked(text, place, reply=reply) for text in new[:LINES]], words)
    if SEE in forms.keys:
        _evidence(answers, new, attachments, recordings)
    ours = reply or sheet.inline
    passed_on = (Kind.FORWARDED,) if ours else (Kind.FORWARDED, Kind.INTRO, Kind.QUOTE)
    material = "\n".join(line.text for line in lines if line.kind in passed_on).strip()
    headline = _headline(head, answers, forms)
    return Report(answers, priority, headline, material, sheet.labelled, "\n".join(rest), **sheet.origin)


# --- labels ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=16)
def _forms(questions: tuple[Question, ...], words: Words) -> _Forms:
    return _Forms(
        labels=phrases({q.key: (q.label, *(label for label, _ in q.others), *q.aliases) for q in questions}),
        parts=frozenset(plain(alias) for q in questions for alias in q.aliases if alias.rstrip().endswith(":")),
        keys=tuple(q.key for q in questions),
        own=frozenset((q.key, plain(label)) for q in questions for label, _ in ((q.label, ""), *q.others)),
        help={
            name: tuple(plain(text, _HELP).split())
            for q in questions
            for name, text in (*((plain(label), help_) for label, help_ in q.others), (q.key, q.help))
        },
        words=words,
    )


@dataclass(frozen=True, slots=True)
class _Label:
    """A line that starts with a question: `rest` follows on the line, `own` when the wording is that of our mails."""

    key: str
    rest: str
    own: bool = False
    wording: str = ""


@by_line
def _label(text: str, forms: _Forms) -> _Label | None:
    """The question that a line starts with, in any of its forms."""
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    first = _WORD.match(text, start, start + 40)
    if not first:
        return None
    word = fold(first[0])
    if word not in forms.labels:
        return _by_number(text, first, word, forms)
    found = tokens(text, start)
    hit = longest(found, forms.labels)
    if hit is None:
        return None
    count, key = hit
    end = found[count - 1][2]
    rest = _after(text[end:], bold=start > 0 and text[start - 1] in "*_")
    wording = plain(text[start:end])
    keep = wording in forms.parts
    if rest is None and key == PRIORITY and count == 1 and leads(text[end:], forms.words) is not None:
        rest = text[end:]  # `Priority P1`
    elif rest is None and count >= 2 and (more := _MORE.match(text, end)):  # `Steps to reproduce the bug:`
        rest, keep = text[more.end() :].lstrip(_MARKS), key != PRIORITY
    if rest is None or (wording in forms.parts and not rest.strip()):
        return None
    if keep and not _is_blank(rest, forms.words):
        rest = text[start:].strip(" \t*_")
    return _Label(key, rest.strip(" \t|"), (key, wording) in forms.own, wording)


def _after(tail: str, *, bold: bool) -> str | None:
    """What follows a label on its line, or None when the line only starts with the same words."""
    after = tail.lstrip(" \t*_\"'”“»`)]")
    while after[:1] == "(" and (close := after.find(")", 0, 160)) > 0:  # `Evidence (logs, screenshots, links):`
        after = after[close + 1 :].lstrip(" \t*_")
    if not after or not after.strip(". "):
        return ""
    if after[0] in ":：=?？":
        return after.lstrip(_MARKS)
    if after.startswith(("->", "=>", "→")):
        return after.lstrip("-=>→ \t")
    if after[0] in "-–—" and tail[:1].isspace() and (len(after) == 1 or after[1] in " \t-–—"):
        return after.lstrip("-–— \t")
    if _GAP.match(tail):  # the next cell of a table
        return after.lstrip("| \t")
    if bold and tail[:1] in ("*", "_"):  # `**Label** answer`
        return after
    return None


def _by_number(text: str, first: re.Match[str], word: str, forms: _Forms) -> _Label | None:
    """`answer 4: only ACME`, `Q4: …`: the question by its number."""
    digits = word.lstrip("abcdefghijklmnopqrstuvwxyz")
    name, end = word[: len(word) - len(digits)], first.end()
    if name not in forms.words.answer:
        return None
    if not digits:
        after = tokens(text, end, 8)[:1]
        if not after or text[end : after[0][1]].strip(" #.") != "":
            return None
        digits, end = after[0][0], after[0][2]
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 2 and 0 < int(digits) <= len(forms.keys)):
        return None
    rest = _after(text[end:], bold=False)
    if rest is None:
        return None
    key = forms.keys[int(digits) - 1]
    inner = _label(rest, forms) if rest and not _by_itself(rest, forms) else None
    return inner if inner and inner.key == key else _Label(key, rest.strip())


def _origin(text: str, words: Words) -> tuple[str, str] | None:
    """(`behalf`, address) of `reported by: Sara <sara@acme.example>`, (`via`, how) of `via: phone`; else None."""
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    found = tokens(text, start)
    hit = longest(found, words.origin)
    if hit is None:
        return None
    told = (_after(text[found[hit[0] - 1][2] :], bold=start > 0 and text[start - 1] in "*_") or "").strip(" \t|")
    if hit[1] == "behalf":
        address = shapes.address(told)
        return ("behalf", address) if address else None
    how = clean_header(told).strip(" *_.") if len(told) <= _VIA else ""
    return ("via", how) if how else None


def _by_itself(text: str, forms: _Forms) -> bool:
    """True when a text starts with a question's number again, so that reading on never nests deeper than once."""
    return first_word(text).rstrip("0123456789") in forms.words.answer


def _unhelped(text: str, help_words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """A line without the help text that the template has there, and the words of it that may stand on the next line."""
    if first_word(text, 60) not in ("", help_words[0]):
        return text, ()
    found = tokens(text, 0, _HELP)
    said = [word for word, _, _ in found]
    size = len(help_words)
    if not said:
        return text, help_words
    if said[:size] == list(help_words):
        return text[found[size - 1][2] :].lstrip(" \t?.:!)\"”'*_"), ()
    if _is_help(text, help_words):  # wrapped
        return "", help_words[len(said) :]
    return text, ()


def _is_help(text: str, help_words: Sequence[str]) -> bool:
    """True for a line of the help text alone; from its start at least four words, so that `not sure` stays one."""
    if first_word(text, 60) not in ("", help_words[0]):  # nearly every line
        return False
    said = plain(text, _HELP).split()
    return len(said) >= min(4, len(help_words)) > 0 and said == list(help_words[: len(said)])


# --- answers ---------------------------------------------------------------------------------------------------------


def _filled(
    lines: Sequence[Line], forms: _Forms, no_labels: frozenset[str], *, reply: bool, for_others: bool
) -> _Sheet:
    """Every line to its question. Labels may stand in our quoted mail, answers stand in new text.

    One exception: an answer typed at the end of our question's own line, which every reader of mail then takes for
    quoted. It counts only below a question in the very words of our mails, and in a reply to one.
    """
    reply = reply or any(line.kind is Kind.OURS for line in lines)
    sheet = _Sheet()
    for line in lines[:LINES]:
        if line.kind is Kind.NEW:
            text = composed(line.text)
            no_label = text.strip() in no_labels or (sheet.help and _is_help(text, sheet.help))
            label = None if no_label else _label(spaced(text), forms)
            if label:
                sheet.opens(label, forms, quoted=False)
            elif for_others and (found := _origin(spaced(text), forms.words)) and found[0] not in sheet.origin:
                sheet.origin[found[0]] = found[1]
                continue
            sheet.add(label.rest if label else text)
        elif line.kind in (Kind.QUOTE, Kind.OURS) and line.text.strip():
            label = _quoted(sheet, spaced(composed(line.text)), forms)
            if label and label.own and reply and line.kind is Kind.QUOTE and label.rest:
                sheet.add(label.rest)
    if tail := [line.text for line in lines[LINES:] if line.kind is Kind.NEW]:
        sheet.add("\n".join(tail))
    return sheet


def _quoted(sheet: _Sheet, text: str, forms: _Forms) -> _Label | None:
    """A question in the quote makes what is typed below it an answer, until the quote has gone on for long."""
    if label := _label(text, forms):
        return sheet.opens(label, forms, quoted=True)
    sheet.far += 1
    if sheet.quoted and sheet.far > _FAR:
        sheet.current = None
    return None


def _numbered(sheet: _Sheet, forms: _Forms, *, reply: bool) -> None:
    """Answers that have only the numbers of the questions: `1. The site is down` … `5. P1`.

    A numbered list is prose as well, so the numbers must ascend and end in a priority for its question, or, in a
    reply, leave out the questions that were answered before.
    """
    items: list[tuple[int, list[str]]] = []
    top: list[str] = []
    alone: re.Match[str] | None = None
    for text in sheet.top:
        dashed = _DASHED.match(text)
        lead = dashed or _LEAD.match(text)
        number = int(lead[1]) if lead and lead[1] else 0
        if lead and number:
            items.append((number, [text[lead.end() :].strip()]))
        else:
            (items[-1][1] if items else top).append(text)
        alone = dashed if len(items) == 1 and number else alone
    numbers = [number for number, _ in items]
    if not numbers or (alone and len(numbers) == 1) or numbers != sorted(set(numbers)) or numbers[-1] > len(forms.keys):
        return
    last = forms.keys[numbers[-1] - 1]
    picked = last == PRIORITY and pick("\n".join(items[-1][1]), forms.words) is not None
    if picked or (reply and numbers[0] > 1):
        sheet.top, sheet.labelled, sheet.last = top, True, last
        sheet.parts = {forms.keys[number - 1]: said for number, said in items}


def _answers(sheet: _Sheet, forms: _Forms, *, reply: bool) -> tuple[dict[str, str], list[str]]:
    """The real answers by question key, and the text that is none."""
    answers: dict[str, str] = {}
    rest: list[str] = []
    for key in forms.keys:
        said = sheet.parts.get(key, [])
        text = "\n".join(uncourteous(said, forms.words) if key == sheet.last else said).strip()
        if not _is_blank(text, forms.words):
            answers[key] = text
    top = sheet.top if reply else [text for text in sheet.top if bare(text, forms.words) is None]
    free = "\n".join(uncourteous(top, forms.words)).strip()
    if _is_blank(free, forms.words):
        return answers, rest
    if not sheet.labelled:
        free = "\n".join(sheet.top).strip()  # "the whole text is answer 1"
    if reply or not forms.first:
        rest.append(free)
    else:
        answers = {
            forms.first: "\n".join(filter(None, (free, answers.get(forms.first)))),
            **{k: v for k, v in answers.items() if k != forms.first},
        }
    return answers, rest


def _is_blank(text: str, words: Words) -> bool:
    """True for what stands in a template where an answer belongs: `-`, `...`, `[ ]`, `<your answer>`; not for `n/a`."""
    if not any(c.isalnum() for c in text):
        return True
    return len(text) <= 60 and plain(text) in words.placeholders


def _evidence(answers: dict[str, str], new: Sequence[str], attachments: bool, recordings: tuple[str, ...]) -> None:
    """Answer 3 is "also given by an attachment or by a link that matches the recording patterns"."""
    said = answers.get(SEE, "")
    known = frozenset(recordings)
    links: dict[str, None] = {}
    for text in new:
        for found in _LINK.finditer(text) if "://" in text and len(links) < _LINKS else ():
            link = found[0].rstrip(".,;:!?*_")
            host = re.split("[/?#:]", link.partition("://")[2], maxsplit=1)[0].lower().rpartition("@")[2][-253:]
            labels = host.split(".")
            if any(".".join(labels[at:]) in known for at in range(len(labels))):
                links[link] = None
    text = "\n".join(filter(None, (said, *(link for link in list(links)[:_LINKS] if link not in said))))
    if text or attachments:
        answers[SEE] = text or ATTACHED


# --- the priority ----------------------------------------------------------------------------------------------------


def _picked(text: str, place: int, *, reply: bool) -> tuple[str, str]:
    """A line and what it may pick: `5. P2` is the answer to question 5 also where its words are left out. A reply's
    lone `P2` is a command, not an answer."""
    number = re.match(rf"\s*{place}\s?[.):]\s*", text[:20]) if place else None
    return text, text[number.end() :] if number else "" if reply else text


def _priority(
    answers: dict[str, str], rest: list[str], head: Subject, new: Sequence[tuple[str, str]], words: Words
) -> Priority | None:
    """The reporter's pick: answer 5, else a line that says nothing else, else the subject; kept in `answers` too."""
    said = answers.pop(PRIORITY, "")
    priority = pick(said, words)
    if priority is None and said:
        rest.append(said)  # no priority, but not lost either
        said = ""
    if priority is None:
        lone = {found for _, text in new if (found := bare(text, words)) is not None}
        priority = lone.pop() if len(lone) == 1 else None
        said_so = {line.strip() for line, text in new if bare(text, words) is not None}
        for key, text in answers.items() if priority is not None else ():  # below another answer it is no part of it
            kept = "\n".join(line for line in text.split("\n") if line.strip() not in said_so).strip()
            answers[key] = kept or text
    if priority is None:
        priority = in_subject(head, words)[0]
    if priority is not None:
        answers[PRIORITY] = said or str(priority)
    return priority


# --- the headline ----------------------------------------------------------------------------------------------------


def _headline(head: Subject, answers: Mapping[str, str], forms: _Forms) -> str:
    """One clean line: "the subject, or the text's first line where the subject is empty or says nothing"."""
    words = forms.words
    text = clean_header(in_subject(head, words)[1], SUBJECT_LIMIT)
    if any(word not in words.nothing for word, _, _ in tokens(text)):
        return _cut(text, SUBJECT_LIMIT)
    for key in dict.fromkeys((forms.first, *forms.keys)):
        for line in answers.get(key, "")[:4000].split("\n") if key != PRIORITY else ():
            lead = _LEAD.match(line)
            said = clean_header(line[lead.end() if lead else 0 :].strip(" *_"), HEADLINE * 4)
            silent = said == ATTACHED or _is_blank(said, words) or is_greeting(said, words)
            if not silent and bare(said, words) is None:
                return _cut(said, HEADLINE)
    return text


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word where there is one."""
    if len(text) <= limit:
        return text
    at = text.rfind(" ", 0, limit + 1)
    return text[: at if at > limit // 2 else limit].rstrip(" ,;:-–—")
