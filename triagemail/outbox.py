"""From drafts to composed mails and delivery rows, inside the transaction that decided them (T2)."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from triagemail.log import logger
from triagemail.mail import compose, headers, mime, recorded, sessions, tokens
from triagemail.mail.languages import ENGLISH, languages
from triagemail.mail.templates import Templates
from triagemail.mail.tokens import EXPIRES_DAYS, Keyring, Token
from triagemail.process.events import Audience, Draft
from triagemail.process.intents import Pending
from triagemail.process.model import Invite, Issue, Policy
from triagemail.store import claims, confirmations, search, spoken
from triagemail.store.forget import NOWHERE
from triagemail.store.store import Store

AGAIN = timedelta(hours=1)  # until the operator is told of the same cause again
EVERYBODY = 0  # the person in the return path of a batch: no row of `person` has this number
ATTACHED_AT_MOST = 10_000_000  # bytes in a triage mail (process.md 3)


@dataclass(frozen=True, slots=True)
class Outbox:
    """What composing needs beside the draft."""

    store: Store
    templates: Templates
    keyring: Keyring
    policy: Policy
    language: str = ENGLISH  # of mails to people who have shown none
    list_language: str = ""  # "" = the same

    def put(
        self,
        draft: Draft,
        issue: Issue | None,
        now: datetime,
        *,
        cause: str = "",
        author: str = "",
        pending: Pending | None = None,
        decision: str = "",
        unproven: str = "",
    ) -> int:
        """Compose one draft and queue it; `cause` is the Message-ID of the mail it answers, `author` who wrote that
        one, `decision` the mark of what it is the receipt of, `unproven` its budget. 0 where nobody is to get it."""
        if isinstance(draft.to, Audience):
            return self._broadcast(draft, draft.to, issue, now)
        if draft.to.endswith(f"@{NOWHERE}"):
            return 0
        person = self.store.person(draft.to)
        number, day = draft.issue or 0, last_day(now)
        detail = self.keyring.detail(Token("r", number, person, day), base_of(self.policy.address))
        if pending is not None:
            detail, secret = tokens.new_secret()
            confirmations.hold(self.store, secret, pending, now)
        references = (root(number, self.policy.address),) if number else ()
        made = self._compose(
            draft, issue, now, self.language_of(draft.to), to=draft.to, reply_to=plus(self.policy.address, detail),
            references=(*references, cause) if cause else references, in_reply_to=cause,
        )  # fmt: skip
        # an answer goes out with the null sender: nothing answers it (RFC 3834 4)
        outgoing = self._add(
            draft, made, now, number=number, day=day, detail=detail if pending is not None else "",
            null_sender=draft.to == author, broadcast=False, decision=decision, unproven=unproven,
        )  # fmt: skip
        claims.add_delivery(self.store, outgoing, person, draft.rank)
        self._tell_of_template(draft.template, made.problem, now)
        if draft.invite is not None and number:  # an answer may come without token and thread: its UID is ours
            self.store.join_thread(recorded.invite_id(draft.invite.uid), number)
        return outgoing

    def unstored(self, draft: Draft, now: datetime) -> tuple[bytes, bytes]:
        """(personal header lines, the rest) of a mail that no row will know of: nothing is asked of the database. An
        answer to it is a mail like any other."""
        assert not isinstance(draft.to, Audience)
        made = self._compose(
            draft, None, now, self.language, to=draft.to, reply_to=self.policy.address, references=()
        )  # fmt: skip
        message_id = f"<{uuid.uuid4().hex}.notice.triagemail@{self.keyring.domain}>"
        block = compose.personal(draft.to, self.policy.address, message_id)
        return block, made.head + b"\r\n" + made.body

    def language_of(self, address: str) -> str:
        """What somebody reads: their own wish, else the language in which they wrote, else that of the config."""
        found = spoken.language(self.store, address) if address else ""  # "": whoever it is
        return found if found in languages() else self.language

    def _broadcast(self, draft: Draft, audience: Audience, issue: Issue | None, now: datetime) -> int:
        if draft.supersedes:
            claims.supersede(self.store, audience.issue, now)
        references = (root(audience.issue, self.policy.address, "list"),)
        made = self._compose(draft, issue, now, self.list_language or self.language, references=references)
        outgoing = self._add(
            draft, made, now, number=audience.issue, day=last_day(now), detail="", null_sender=False, broadcast=True
        )
        for address in audience.also:
            if address.endswith(f"@{NOWHERE}"):
                continue
            claims.add_delivery(self.store, outgoing, self.store.person(address), draft.rank)
        self._tell_of_template(draft.template, made.problem, now)
        return outgoing

    def tell(self, cause: str, text: str, now: datetime) -> bool:
        """A mail to the operator, once an hour for each cause, in the transaction of what caused it. True when one was
        queued (trust.md R12)."""
        draft = notice(self.policy, "notice", {"cause": cause, "text": text})
        if draft is None or not self.store.notice_due(cause, now, AGAIN):
            return False
        self.put(draft, None, now)
        return True

    def _tell_of_template(self, template: str, problem: str, now: datetime) -> None:
        """ "At run time fall back to the built-in text … + operator notice" (trust.md S12)."""
        if problem and template != "notice":  # which would tell of itself
            self.tell(f"the template {template} does not work", problem, now)

    def _compose(
        self,
        draft: Draft,
        issue: Issue | None,
        now: datetime,
        language: str,
        *,
        references: tuple[str, ...],
        to: str = "",
        reply_to: str = "", in_reply_to: str = "",
    ) -> compose.Composed:  # fmt: skip
        values = draft.values
        if isinstance(draft.to, Audience):  # a `next update …` in the same mail counts, whatever the order of its lines
            values = {**values, "next_update_at": issue.next_update_at if issue is not None else None}
        elif draft.template == "board":
            values = {**values, "link": self._way_in(to, now)}
        elif draft.template == "triage" and issue is not None:
            values = {**values, "similar": search.similar(self.store, issue)}
        written = partial(
            compose.compose,
            draft.template,
            templates=self.templates,
            language=language,
            issue=issue,
            policy=self.policy,
            values=values,
            now=now,
            to=to,
            reply_to=reply_to,
            references=references,
            in_reply_to=in_reply_to,
            broadcast=isinstance(draft.to, Audience),
            attachments=self._attachments(draft, issue),
        )
        made = written()
        if draft.invite is not None and not isinstance(draft.to, Audience):  # the list sees nobody's address (V1)
            made = written(calendar=self._calendar(draft.invite, made, now))
        if made.problem:
            logger("outbox").warning("template-override-failed", template=draft.template, problem=made.problem)
        return made

    def _way_in(self, to: str, now: datetime) -> str:
        """The link that opens the web page for whom this mail is to."""
        return f"{self.policy.web_url}/in/{sessions.sign(self.keyring, 'w', self.store.person(to), now)}"

    def _calendar(self, invite: Invite, made: compose.Composed, now: datetime) -> bytes:
        """The invite of a mail that was composed once without it: its title and text come from the template."""
        from triagemail.mail import invites  # only a mail with an invite waits for its library

        return invites.calendar(
            invite,
            organizer=self.policy.address,
            organizer_name=compose.FROM_NAME,
            summary=made.summary,
            description=made.opening,
            stamp=now,
        )

    def _add(
        self,
        draft: Draft,
        made: compose.Composed,
        now: datetime,
        *,
        number: int,
        day: int,
        detail: str,
        null_sender: bool,
        broadcast: bool,
        decision: str = "",
        unproven: str = "",
    ) -> int:
        return claims.add_outgoing(
            self.store,
            issue=number,
            template=draft.template,
            subject=made.subject,
            text=made.text,
            head=made.head,
            body=made.body,
            detail=detail,
            null_sender=null_sender,
            broadcast=broadcast,
            automatic=bool(draft.values.get("automatic")),
            rank=draft.rank,
            day=day,
            key=self.keyring.current,
            now=now,
            decision=decision,
            unproven=unproven,
            audience_priority=draft.to.priority if isinstance(draft.to, Audience) else 0,
            area=draft.to.area if isinstance(draft.to, Audience) else "",
            only=isinstance(draft.to, Audience) and draft.to.only,
        )

    def _attachments(self, draft: Draft, issue: Issue | None) -> tuple[compose.Attached, ...]:
        """The report's attachments for whoever works on it; the backlog "as text and CSV"."""
        if draft.template == "backlog":
            return (("backlog.csv", "text/csv; charset=utf-8", csv_of(draft.values["issues"])),)
        return self._of_report(issue) if draft.template in ("triage", "owner") and issue is not None else ()

    def _of_report(self, issue: Issue) -> tuple[compose.Attached, ...]:
        """Decoded from the raw mails, "up to 10 MB in all"."""
        found: list[tuple[str, str, bytes]] = []
        room = ATTACHED_AT_MOST
        for mail in issue.mails if issue.attachments else ():
            raw = claims.raw(self.store, mail)
            for part in mime.parse(raw).attachments if raw else ():
                if part.material and part.size <= room:
                    content = mime.part_bytes(raw, part.part)
                    room -= len(content)
                    found.append((part.name, part.content_type, content))
        return tuple(found)


COLUMNS = ("number", "process", "kind", "priority", "state", "area", "headline", "reporter", "owner", "opened_at")


def csv_of(issues: object) -> bytes:
    """RFC 4180, with a byte order mark: spreadsheets take UTF-8 for something else without it. No cell is a formula."""
    assert isinstance(issues, tuple)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for issue in issues:
        process = "remediation" if issue.remediation else "troubleshooting"
        priority = "" if issue.current is None else str(issue.current)
        headline = headers.clean_header(issue.headline)
        opened = issue.opened_at.strftime("%Y-%m-%d %H:%M UTC")
        people = (issue.reporter, issue.owner)
        cells = (issue.number, process, issue.kind, priority, issue.state, issue.area, headline, *people, opened)
        rows.writerow([f"'{cell}" if str(cell)[:1] in "=+-@" else cell for cell in cells])
    return text.getvalue().encode("utf-8-sig", "replace")


def base_of(address: str) -> str:
    return address.rpartition("@")[0]


def plus(address: str, detail: str) -> str:
    """`base+detail@domain` (RFC 5233)."""
    base, _, domain = address.rpartition("@")
    return f"{base}+{detail}@{domain}"


def root(issue: int, address: str, kind: str = "issue") -> str:
    """The synthetic first Message-ID of an issue's mails: it makes every client group them."""
    return f"<{kind}-{issue}.triagemail@{address.rpartition('@')[2]}>"


def last_day(now: datetime) -> int:
    """The day (since 1970-01-01) on which tokens of a mail written now still count."""
    return day_of(now + timedelta(days=EXPIRES_DAYS))


def day_of(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).days


class Personal:
    """(envelope sender, personal header block) of one delivery: a pure function of the stored mail and of who gets it,
    so that a retry sends the same bytes under the same Message-ID. What all copies of a mail share is made once."""

    def __init__(self, mail: claims.Mail, keyring: Keyring, policy: Policy) -> None:
        base, at, domain = policy.address.rpartition("@")
        self.mail, self.address, self.plus, self.at = mail, policy.address, f"{base}+", f"{at}{domain}"
        self.number, self.domain = tokens.base32(mail.outgoing), keyring.domain
        self.bounce = keyring.signer("b", mail.outgoing, mail.day, base, mail.key)
        self.to_many = keyring.signer(tokens.TO_MANY, mail.outgoing, mail.day, base, mail.key)
        self.reply = keyring.signer("r", mail.issue, mail.day, base, mail.key)
        self.unsubscribe = keyring.signer("u", mail.issue, mail.day, base, mail.key)
        self.one_click = f"{policy.web_url}/u/" if policy.web_url.startswith("https:") else ""
        self.list_address = policy.list_address

    def together(self) -> tuple[str, bytes]:
        """The same of the one copy that goes to many in one transaction (`smtp.mode = "batch"`): it is to the list,
        and no token in it is anybody's. Who leaves by it needs evidence (trust.md V1, U3)."""
        sender = f"{self.plus}{self.bounce(tokens.base32(EVERYBODY))}{self.at}"
        message_id = tokens.message_id(self.to_many(tokens.base32(EVERYBODY)), self.number, self.domain)
        return sender, compose.personal(self.list_address, self.address, message_id, f"{self.plus}unsubscribe{self.at}")

    def __call__(self, due: claims.Due) -> tuple[str, bytes]:
        mail, person = self.mail, tokens.base32(due.person)
        sender = "" if mail.null_sender else f"{self.plus}{self.bounce(person)}{self.at}"
        if mail.broadcast and due.group:  # its members could use a token (trust.md U5): this one ties answers only
            group_id = tokens.message_id(self.to_many(person), self.number, self.domain)
            return sender, compose.personal(due.address, self.address, group_id, "")
        detail = mail.detail or self.reply(person)
        message_id = tokens.message_id(detail, self.number, self.domain)
        address = f"{self.plus}{detail}{self.at}"
        if not mail.broadcast:
            return sender, compose.personal(due.address, address, message_id)
        word = self.unsubscribe(person)
        click = f"{self.one_click}{word}" if self.one_click else ""
        return sender, compose.personal(due.address, address, message_id, f"{self.plus}{word}{self.at}", click)


def notice(policy: Policy, template: str, values: Mapping[str, object]) -> Draft | None:
    """A mail to the operator, if the config names one."""
    return Draft(template, policy.operator, None, values, rank=1) if policy.operator else None
