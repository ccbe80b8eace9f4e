"""Mails that are "recorded in silence" (process.md 10): what calendars and mail programs send for a person.

Their shapes are those of the programs named, their words and addresses our own. In each, `@ISSUES@` stands for our
address, `@REPLY@` for the reply address of the mail that is answered, `@ID@` for its Message-ID, `@SUBJECT@` for its
subject, and `@UID@` for that of the invite.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from quopri import encodestring

BOB = "bob@acme.example"


@dataclass(frozen=True)
class Silent:
    """One mail, and what the inbox row and the journal say of it. `threaded`: it names our mail, not only our UID."""

    raw: str
    reason: str
    what: str
    text: str = ""
    threaded: bool = True

    def filled(self, **values: str) -> bytes:
        """The bytes of the mail, with the values (`ID="<1@acme.example>"`) in their places."""
        raw = self.raw.strip() + "\n"
        for name, value in values.items():
            raw = raw.replace(f"@{name}@", value)
        while "@BASE64@" in raw:  # what stands between two marks is a part that its program sends so
            before, part, after = raw.split("@BASE64@", 2)
            raw = before + b64encode(part.replace("\n", "\r\n").encode()).decode() + after
        return raw.replace("\n", "\r\n").encode()


def _event(product: str, method: str, attendee: str, more: str = "") -> str:
    """An answer to the invite `@UID@` as a calendar writes it."""
    return f"""BEGIN:VCALENDAR
PRODID:{product}
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:{method}
BEGIN:VEVENT
DTSTART:20261123T101500Z
DTEND:20261123T102500Z
DTSTAMP:20261123T093100Z
ORGANIZER;CN=triagemail:mailto:@ISSUES@
UID:@UID@
{attendee}
{more}SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Ten minutes off
TRANSP:OPAQUE
END:VEVENT
END:VCALENDAR
"""


def _mail(fields: str, body: str, subject: str = "Accepted: Ten minutes off") -> str:
    return f"""From: Bob Roe <{BOB}>
Subject: {subject}
Date: Mon, 23 Nov 2026 10:31:00 +0100
MIME-Version: 1.0
{fields}

{body}"""


def _google(number: int, said: str, event: str) -> str:
    """Google Calendar: text, HTML and calendar as alternatives, the file beside them; it names no earlier mail."""
    fields = f"""Reply-To: Bob Roe <{BOB}>
Sender: Calendar <calendar-notification@mail.example>
To: @ISSUES@
Message-ID: <calendar-{number}@mail.example>
Content-Type: multipart/mixed; boundary="00000000mixed"
"""
    subject = f"{said}: Ten minutes off @ Mon Nov 23, 2026 11:15am - 11:25am (CET) (@ISSUES@)"
    body = f"""--00000000mixed
Content-Type: multipart/alternative; boundary="00000000alt"

--00000000alt
Content-Type: text/plain; charset="UTF-8"; format=flowed; delsp=yes

Bob Roe has {said.lower()} this invitation.

Ten minutes off
Monday Nov 23, 2026

--00000000alt
Content-Type: text/html; charset="UTF-8"

<p>Bob Roe has {said.lower()} this invitation.</p>

--00000000alt
Content-Type: text/calendar; charset="UTF-8"; method=REPLY
Content-Transfer-Encoding: 7bit

{event}
--00000000alt--
--00000000mixed
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"
Content-Transfer-Encoding: base64

@BASE64@{event}@BASE64@
--00000000mixed--"""
    return _mail(fields, body, subject)


def _exchange(number: int, subject: str, text: str, event: str, method: str = "REPLY") -> str:
    """Outlook and Microsoft 365: the answer is an answer to our mail; the calendar part is base64."""
    fields = f"""To: triagemail <@ISSUES@>
Thread-Topic: @SUBJECT@
In-Reply-To: @ID@
References: @ID@
Message-ID: <AM0PR04MB{number}@AM0PR04MB{number}.prod.mail.example>
X-MS-Has-Attach:
X-Auto-Response-Suppress: DR, OOF, AutoReply
X-MS-Exchange-Calendar-Originator-Id: aa45f0c5
Content-Language: en-US
Content-Type: multipart/alternative; boundary="_000_AM0PR04MB_"
"""
    body = f"""--_000_AM0PR04MB_
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

{text}
--_000_AM0PR04MB_
Content-Type: text/html; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

<html><body><div>{text}</div></body></html>
--_000_AM0PR04MB_
Content-Type: text/calendar; charset="utf-8"; method={method}
Content-Transfer-Encoding: base64

@BASE64@{event}@BASE64@
--_000_AM0PR04MB_--"""
    return _mail(fields, body, subject)


def _receipt(number: int, fields: str, subject: str, disposition: str, text: str) -> str:
    """A read receipt (RFC 8098)."""
    head = f"""To: @REPLY@
Message-ID: <receipt-{number}@client.example>
{fields}Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn"
"""
    body = f"""--mdn
Content-Type: text/plain; charset=utf-8

{text}

--mdn
Content-Type: message/disposition-notification

Reporting-UA: client.example
Final-Recipient: rfc822;{BOB}
Original-Message-ID: @ID@
Disposition: {disposition}

--mdn--"""
    return _mail(head, body, subject)


GOOGLE = "-//Mail Example Inc//Calendar 70.9054//EN"
OUTLOOK = "Microsoft Exchange Server 2010"
_ACCEPTED = f"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Bob Roe:mailto:{BOB}"
_TWO = f"ATTENDEE;PARTSTAT=DECLINED:mailto:x{BOB}\n{_ACCEPTED}"

MAILS: Mapping[str, Silent] = {
    "google accepted": Silent(
        _google(
            1,
            "Accepted",
            _event(
                GOOGLE,
                "REPLY",
                "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Bob Ro\n"
                f" e;X-NUM-GUESTS=0:mailto:{BOB}",
            ),
        ),
        "calendar answer: ACCEPTED @UID@",
        "accepted",
        threaded=False,
    ),
    "google declined, with a note": Silent(
        _google(
            2,
            "Declined",
            _event(
                GOOGLE,
                "REPLY",
                f'ATTENDEE;CN="Roe, Bob: x;PARTSTAT=ACCEPTED";PARTSTAT=DECLINED;X-RESPONSE-COMMENT="away":mailto:{BOB}',
                "COMMENT:I am away\\, ask Carl\\nplease\n",
            ),
        ),
        "calendar answer: DECLINED @UID@",
        "declined",
        "I am away, ask Carl please",
        threaded=False,
    ),
    "microsoft 365 accepted": Silent(
        _exchange(3, "Accepted: @SUBJECT@", "", _event(OUTLOOK, "REPLY", _ACCEPTED)),
        "calendar answer: ACCEPTED @UID@",
        "accepted",
    ),
    "microsoft 365 declined, with words": Silent(
        _exchange(
            4,
            "Declined: @SUBJECT@",
            "Sorry, I am in the shop then.",
            _event(
                OUTLOOK,
                "REPLY",
                f"ATTENDEE;PARTSTAT=DECLINED;CN=Bob Roe:MAILTO:{BOB}",
                "COMMENT;LANGUAGE=en-US:Sorry\\, I am in the shop then.\\n\n",
            ),
        ),
        "calendar answer: DECLINED @UID@",
        "declined",
        "Sorry, I am in the shop then.",
    ),
    "outlook tentative, the calendar alone": Silent(
        _mail(
            "To: @ISSUES@\nMessage-ID: <5@outlook.example>\nReferences: @ID@\nX-Mailer: Microsoft Outlook 16.0\n"
            'Content-Class: urn:content-classes:calendarmessage\nContent-Type: text/calendar; charset="utf-8";'
            ' method=REPLY; name="meeting.ics"\n',
            _event(OUTLOOK, "REPLY", f"ATTENDEE;PARTSTAT=TENTATIVE;RSVP=FALSE:MAILTO:{BOB}"),
            "Tentative: Ten minutes off",
        ),
        "calendar answer: TENTATIVE @UID@",
        "tentative",
    ),
    "outlook proposes another time": Silent(
        _exchange(
            6,
            "New Time Proposed: @SUBJECT@",
            "An hour later?",
            _event(
                OUTLOOK, "COUNTER", f"ATTENDEE;PARTSTAT=TENTATIVE;CN=Bob Roe:MAILTO:{BOB}", "COMMENT:An hour later?\n"
            ),
            "COUNTER",
        ),
        "calendar answer: COUNTER TENTATIVE @UID@",
        "tentative",
        "An hour later?",
    ),
    "apple accepted": Silent(
        _mail(
            "To: triagemail <@ISSUES@>\nMessage-ID: <7D0C-4B1E@mac.example>\nX-Mailer: Apple Mail (2.3774.600.62)\n"
            'Content-Type: multipart/alternative; boundary="Apple-Mail=_7"\n',
            f"""--Apple-Mail=_7
Content-Transfer-Encoding: 7bit
Content-Type: text/plain; charset=us-ascii

Bob Roe accepted your invitation to the event "Ten minutes off".

--Apple-Mail=_7
Content-Disposition: attachment; filename=iCal-7.ics
Content-Transfer-Encoding: quoted-printable
Content-Type: text/calendar; charset=utf-8; method=REPLY; name=iCal-7.ics

{encodestring(_event("-//Apple Inc.//macOS 14.5//EN", "REPLY", _TWO).encode()).decode()}
--Apple-Mail=_7--""",
        ),
        "calendar answer: ACCEPTED @UID@",
        "accepted",
        threaded=False,
    ),
    "thunderbird accepted": Silent(
        _mail(
            "To: @ISSUES@\nMessage-ID: <8@acme.example>\nUser-Agent: Mozilla Thunderbird\n"
            'Content-Type: multipart/mixed; boundary="Moz"\n',
            f"""--Moz
Content-Type: multipart/alternative; boundary="MozAlt"

--MozAlt
Content-Type: text/plain; charset=UTF-8; format=flowed

Bob Roe <{BOB}> has accepted your event invitation.

--MozAlt
Content-Type: text/calendar; method=REPLY; charset=UTF-8
Content-Transfer-Encoding: 8bit

{_event("-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN", "REPLY", f"ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:{BOB}")}
--MozAlt--
--Moz
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"

BEGIN:VCALENDAR
END:VCALENDAR
--Moz--""",
            "Event Invitation Reply (Accepted): Ten minutes off",
        ),
        "calendar answer: ACCEPTED @UID@",
        "accepted",
        threaded=False,
    ),
    "thunderbird read receipt": Silent(
        _receipt(
            9,
            "User-Agent: Mozilla Thunderbird\nReferences: @ID@\n",
            "Return Receipt (displayed) - @SUBJECT@",
            "manual-action/MDN-sent-manually; displayed",
            "This is a Return Receipt for the mail that you sent. It only says that the mail was displayed.",
        ),
        "read receipt: displayed",
        "read",
    ),
    "exchange read receipt": Silent(
        _receipt(
            10,
            "Return-Path: <>\nAuto-Submitted: auto-replied\nX-MS-Exchange-Message-Is-Ndr:\n",
            "Read: @SUBJECT@",
            "automatic-action/MDN-sent-automatically; displayed",
            "Your message was read on Monday, November 23, 2026 9:31:00 AM (UTC).",
        ),
        "read receipt: displayed",
        "read",
    ),
    "exchange deleted it unread": Silent(
        _receipt(
            11,
            "Return-Path: <>\nIn-Reply-To: @ID@\n",
            "Not read: @SUBJECT@",
            "automatic-action/MDN-sent-automatically; deleted",
            "Your message was deleted without being read on Monday, November 23, 2026 9:31:00 AM (UTC).",
        ),
        "read receipt: deleted",
        "",
    ),
    "gmail reaction": Silent(
        _mail(
            "To: @REPLY@\nIn-Reply-To: @ID@\nReferences: @ID@\nMessage-ID: <CAF12@mail.example>\n"
            'Content-Type: multipart/alternative; boundary="000gm"\n',
            """--000gm
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: base64

@BASE64@\U0001f389 Bob Roe reacted via Gmail
@BASE64@
--000gm
Content-Type: text/vnd.google.email-reaction+json; charset="UTF-8"
Content-Transfer-Encoding: base64

@BASE64@{"emoji":"\U0001f389","version":1}@BASE64@
--000gm
Content-Type: text/html; charset="UTF-8"

<p>Bob Roe reacted via Gmail</p>
--000gm--""",
            "Re: @SUBJECT@",
        ),
        "reaction: \U0001f389",
        "reaction",
        "\U0001f389",
    ),
    "outlook reaction": Silent(
        _mail(
            "To: @REPLY@\nIn-Reply-To: @ID@\nReferences: @ID@\nMessage-ID: <AM13@prod.mail.example>\n"
            'Content-Type: multipart/alternative; boundary="_000_13_"\n',
            """--_000_13_
Content-Type: text/plain; charset="utf-8"

[like]  Bob Roe reacted to your message:
________________________________
From: triagemail <@ISSUES@>
Sent: Monday, November 23, 2026 9:30:00 AM
To: Bob Roe <bob@acme.example>
Subject: @SUBJECT@

agree
--_000_13_
Content-Type: text/html; charset="utf-8"

<html><body>see the text</body></html>
--_000_13_--""",
            "Re: @SUBJECT@",
        ),
        "reaction: like",
        "reaction",
        "like",
    ),
    "outlook reaction, HTML alone": Silent(
        _mail(
            "To: @REPLY@\nIn-Reply-To: @ID@\nMessage-ID: <AM14@prod.mail.example>\n"
            'Content-Type: text/html; charset="utf-8"\n',
            """<html><body><table><tr><td><img alt="heart" src="" style="height:25px"></td>
<td><span style="font-weight:bold">Bob Roe</span> <span>reacted to your message:</span></td></tr></table>
<hr><div><b>From:</b> triagemail &lt;@ISSUES@&gt;<br><b>Subject:</b> @SUBJECT@<br></div>
<div>agree</div></body></html>""",
            "Re: @SUBJECT@",
        ),
        "reaction",
        "reaction",
    ),
}
