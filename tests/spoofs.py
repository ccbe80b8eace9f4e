"""Corpora of trust.md, written for these tests: what mail systems write above a mail, and what forgers would have us
read. Each entry is a few header lines; a test puts a mail below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triagemail.mail.evidence import Trust

SARA, EVIL = "sara@acme.example", "mallory@evil.example"
MX = "mx.google.com"

GOOGLE = Trust("google", (MX,), (MX, "2002:"))
OWN = Trust("own", ("mx.acme.example",), ("mx.acme.example", "imap.acme.example"), logins={"s.smith": (SARA,)})
M365 = Trust("m365", (), (".outlook.com", ".office365.com", ".exchangelabs.com"))
NONE = Trust()
TRUSTS = {"google": GOOGLE, "own": OWN, "m365": M365, "none": NONE}

INNER = (
    "Received: by 2002:a05:6402:2313:b0:5d0:9c1a:3bde with SMTP id p19csp77;\r\n Mon, 23 Nov 2026 01:00:02 -0800 (PST)"
)
BORDER = (
    "Received: from mail.acme.example (mail.acme.example. [192.0.2.7])\r\n by mx.google.com with ESMTPS id k3-77"
    "\r\n for <issues@acme.example>\r\n (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\r\n"
    " Mon, 23 Nov 2026 01:00:01 -0800 (PST)"
)
POSTFIX = (
    "Received: from mail.acme.example (mail.acme.example [192.0.2.7])\r\n\t(using TLSv1.3 with cipher AES (256/256 bits))"
    "\r\n\t(No client certificate requested)\r\n\tby mx.acme.example (Postfix) with ESMTPS id 4Q7\r\n"
    "\tfor <issues@acme.example>; Mon, 23 Nov 2026 09:00:01 +0000 (UTC)"
)
SUBMITTED = (
    "Received: from laptop (dsl.isp.example [198.51.100.9])\r\n\t(using TLSv1.3 with cipher AES (256/256 bits))\r\n"
    "\t(No client certificate requested)\r\n\t(Authenticated sender: {login})\r\n\tby mx.acme.example (Postfix) with"
    " ESMTPSA id 4Q8\r\n\tfor <issues@acme.example>; Mon, 23 Nov 2026 09:00:00 +0000 (UTC)"
)
LMTP = (
    "Received: from mx.acme.example ([192.0.2.1])\r\n\tby imap.acme.example with LMTP\r\n\tid 0Kx (envelope-from"
    " <sara@acme.example>)\r\n\tfor <issues@acme.example>; Mon, 23 Nov 2026 09:00:02 +0000"
)
FILTERED = (
    "Received: from localhost (localhost [127.0.0.1])\r\n\tby mx.acme.example (Postfix) with ESMTP id 4Q9\r\n"
    "\tfor <issues@acme.example>; Mon, 23 Nov 2026 09:00:01 +0000 (UTC)"
)
EOP = (
    "Received: from mail.acme.example (192.0.2.7) by\r\n DB5EUR01FT019.mail.protection.outlook.com (10.152.4.250) with"
    " Microsoft SMTP\r\n Server (version=TLS1_2, cipher=TLS_ECDHE_RSA) id 15.20.8251.11; Mon, 23 Nov 2026 09:00:01 +0000"
)
HUB = (
    "Received: from DU2PR04CA0001.eurprd04.prod.outlook.com (2603:10a6:10:3b::6)\r\n by"
    " AS8PR07MB7000.eurprd07.prod.outlook.com (2603:10a6:20b:240::5) with\r\n Microsoft SMTP Server (version=TLS1_2) id"
    " 15.20.8251.19; Mon, 23 Nov 2026 09:00:02\r\n +0000"
)
THEIRS = (
    "Received: from laptop (dsl.isp.example [198.51.100.9]) by mail.acme.example with ESMTPSA id 1; Mon, 23 Nov 2026"
    " 08:59:59 +0000"
)


def ar(value: str) -> str:
    return f"Authentication-Results: {value}"


@dataclass(frozen=True)
class Above:
    """The header lines above a mail that says it is from `author`."""

    name: str
    trust: Trust
    lines: Sequence[str]
    rule: str = ""
    author: str = SARA

    def raw(self, text: str = "It is down.") -> bytes:
        head = "\r\n".join(
            [*self.lines, f"From: Sara <{self.author}>", "To: issues@acme.example", "Subject: It is down",
             "Message-ID: <1@client.example>", "Date: Mon, 23 Nov 2026 09:00:00 +0000"]
        )  # fmt: skip
        return f"{head}\r\n\r\n{text}\r\n".encode("utf-8", "surrogateescape")


def google(value: str) -> tuple[str, ...]:
    """As Gmail stamps it: the results stand below its own Received."""
    return (INNER, BORDER, "Received-SPF: pass (google.com: ok) client-ip=192.0.2.7;", ar(value), THEIRS)


def own(value: str) -> tuple[str, ...]:
    return (LMTP, POSTFIX, ar(value), THEIRS)


def m365(value: str) -> tuple[str, ...]:
    """As Exchange Online stamps it: no authserv-id, above the Received of its border."""
    return (HUB, ar(value), "Received-SPF: Pass (protection.outlook.com: ok) receiver=x;", EOP, THEIRS)


# --- >= 20 genuine ones: 0 false refusals ------------------------------------------------------------------------------

_G, _O = f"{MX};\r\n       ", "mx.acme.example;\r\n\t"
_DMARC = "dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=acme.example"
_SPF = "spf=pass (google.com: domain of sara@acme.example designates 192.0.2.7 as permitted sender)"
_DKIM = 'dkim=pass header.i=@acme.example header.s=mail2026 header.b="Xi/3ab+d"'
_SIGNED = "dkim=pass (signature was verified)\r\n header.d=acme.example"
_AUTHAS = "X-MS-Exchange-Organization-AuthAs: Internal"

GENUINE = [
    Above("google: all three", GOOGLE, google(f"{_G}{_DKIM};\r\n       {_SPF} smtp.mailfrom=sara@acme.example;\r\n       {_DMARC}"), "google-dmarc"),
    Above("google: unquoted signature", GOOGLE, google(f"{_G}dkim=pass header.i=@acme.example header.s=s1 header.b=oBZ/uj1=;\r\n {_DMARC}"), "google-dmarc"),
    Above("google: two signatures", GOOGLE, google(f"{_G}{_DKIM};\r\n dkim=pass header.i=@tool.example header.s=k1 header.b=aa;\r\n {_SPF} smtp.mailfrom=\"bounces+1=x\"@tool.example;\r\n {_DMARC}"), "google-dmarc"),
    Above("google: one signature broken", GOOGLE, google(f"{_G}dkim=neutral (body hash did not verify) header.i=@list.example header.b=aa;\r\n {_DKIM};\r\n {_DMARC}"), "google-dmarc"),
    Above("google: with arc and its comment", GOOGLE, google(f"{_G}{_DKIM};\r\n arc=pass (i=1 spf=pass spfdomain=acme.example dkim=pass dkdomain=acme.example dmarc=pass fromdomain=acme.example);\r\n {_DMARC}"), "google-dmarc"),
    Above("google: own domain without a record", GOOGLE, google(f"{_G}{_DKIM};\r\n {_SPF} smtp.mailfrom=sara@acme.example"), "google-dkim"),
    Above("google: header.d too", GOOGLE, google(f"{_G}dkim=pass header.d=acme.example header.i=@acme.example header.b=aa"), "google-dkim"),
    Above("google: capital From domain", GOOGLE, google(f"{_G}dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=ACME.example"), "google-dmarc"),
    Above("google: bounce address with signs", GOOGLE, google(f"{_G}spf=pass smtp.mailfrom=msprvs1=1abc=bounces-9@bounces.acme.example;\r\n {_DMARC};\r\n dara=pass header.i=@acme.example"), "google-dmarc"),
    Above("google: one line", GOOGLE, google(f"{MX}; {_DMARC}"), "google-dmarc"),
    Above("m365: external", M365, m365(f"spf=pass (sender IP is 192.0.2.7)\r\n smtp.mailfrom=acme.example; {_SIGNED};dmarc=pass action=none\r\n header.from=acme.example;compauth=pass reason=100"), "m365-dmarc"),
    Above("m365: dkim only", M365, m365(f"spf=fail (sender IP is 2001:db8::7)\r\n smtp.mailfrom=relay.example; {_SIGNED};dmarc=pass action=none header.from=acme.example;compauth=pass reason=100"), "m365-dmarc"),
    Above("m365: two signatures", M365, m365(f"spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=acme.example; {_SIGNED};dkim=pass (signature was verified) header.d=acme.onmicrosoft.example;dmarc=pass action=none header.from=acme.example;compauth=pass reason=109"), "m365-dmarc"),
    Above("m365: internal", M365, (HUB, "X-MS-Exchange-Organization-SCL: -1", _AUTHAS, "X-MS-Exchange-CrossTenant-AuthAs: Internal"), "m365-internal"),
    Above("m365: internal, with results of the sending side", M365, (HUB, _AUTHAS, "x-ms-exchange-transport-crosstenantheadersstamped: X", ar("dkim=none (message not signed)\r\n header.d=none;dmarc=none action=none header.from=acme.example;")), "m365-internal"),
    Above("rspamd", OWN, own(f'{_O}dkim=pass header.d=acme.example header.s=2026 header.b="abc/def=";\r\n\tspf=pass (mx.acme.example: domain of sara@acme.example designates 192.0.2.7 as permitted sender) smtp.mailfrom=sara@acme.example;\r\n\tdmarc=pass (policy=reject) header.from=acme.example'), "own-dmarc"),
    Above("rspamd: with arc none and auth", OWN, own(f"{_O}arc=none;\r\n\tdmarc=pass (policy=none) header.from=acme.example;\r\n\tiprev=pass policy.iprev=192.0.2.7"), "own-dmarc"),
    Above("rspamd above the Received of its host", OWN, (LMTP, ar(f"{_O}dmarc=pass (policy=none) header.from=acme.example"), POSTFIX, THEIRS), "own-dmarc"),
    Above("OpenDMARC", OWN, own("mx.acme.example; dmarc=pass (p=none dis=none) header.from=acme.example"), "own-dmarc"),
    Above("OpenDMARC: with version and spf", OWN, own("mx.acme.example 1; spf=pass smtp.helo=mail.acme.example; dmarc=pass (p=quarantine dis=none) header.from=acme.example"), "own-dmarc"),
    Above("OpenDKIM, no record", OWN, own(f"{_O}dkim=pass (2048-bit key; unprotected) header.d=acme.example header.i=@acme.example header.b=\"kJ+1\"; dkim-atps=neutral; dmarc=none"), "own-dkim"),
    Above("a third server's results beside ours", OWN, (LMTP, POSTFIX, ar("spam.acme.example; dkim=fail reason=\"bad key\" header.d=acme.example"), ar("mx.acme.example; dmarc=pass header.from=acme.example"), THEIRS), "own-dmarc"),
    Above("spaces where they may be", OWN, own("mx.acme.example ; dmarc = pass (a (nested) one) header . from = acme.example ; spf/1=none"), "own-dmarc"),
    Above("handed in with a login", OWN, (SUBMITTED.format(login="sara@acme.example"),), "own-login"),
    Above("handed in, then LMTP", OWN, (LMTP, SUBMITTED.format(login="s.smith")), "own-login"),
    Above("handed in, then a filter and LMTP", OWN, (LMTP, FILTERED, SUBMITTED.format(login="Sara@acme.example")), "own-login"),
]  # fmt: skip

# --- >= 60 evil ones: 0 false passes; each value stands where Gmail's own would ----------------------------------------

_PASS = "dmarc=pass header.from=acme.example"
EVIL_RESULTS = [
    # whose it is
    f"mx.google.com.evil.example; {_PASS}", f"mx-google.com; {_PASS}", f"xmx.google.com; {_PASS}",
    f"google.com; {_PASS}", f"mx.goog1e.com; {_PASS}", f"MX.google.com; {_PASS}", f"mx.google.com.; {_PASS}",
    f"mx.google.com:25; {_PASS}", f"mx.google.com/1; {_PASS}", f'"mx.google.com"; {_PASS}',
    f"mx.google.com@evil.example; {_PASS}", f"mx.google.com 2; {_PASS}", f"mx.google.com 1 x; {_PASS}",
    f"evil.example (mx.google.com); {_PASS}", f"evil.example; mx.google.com; {_PASS}", f"; {_PASS}", f"{_PASS}",
    f"mx.google.com {_PASS}", f"mx.google.com, {_PASS}", f"(mx.google.com;) evil.example; {_PASS}",
    f"mx.google.com\x00; {_PASS}", f"mx.g\u043eogle.com; {_PASS}", f"mx.google.com=1; {_PASS}", f"<mx.google.com>; {_PASS}",
    # comments are skipped, never searched
    f"{MX}; dmarc=fail ({_PASS}) header.from=acme.example", f"{MX}; spf=pass ({_PASS}) smtp.mailfrom=evil.example",
    f"{MX}; dmarc=fail (a (b) {_PASS}) header.from=acme.example", f"{MX}; spf=pass (x; {_PASS}",
    f"{MX}; spf=pass (x\\); {_PASS}", f"{MX}; spf=pass x); {_PASS}", f"{MX}; spf=pass {'(' * 40}{')' * 40}; {_PASS}",
    f"{MX} ({_PASS}); none", f"{MX}; none ({_PASS})", f"{MX}; (x) none; {_PASS}",
    # nor are quoted strings
    f'{MX}; spf=pass smtp.mailfrom="x; {_PASS}"', f'{MX}; spf=fail reason="{_PASS}" smtp.mailfrom=a',
    f'{MX}; spf=pass smtp.mailfrom="x\\"; {_PASS}"', f'{MX}; spf=pass smtp.mailfrom="x; {_PASS}',
    f'{MX}; dmarc=pass header.from="acme.example"', f'{MX}; dmarc="pass" header.from=acme.example',
    f'{MX}; dmarc=pass header.from="evil.example"acme.example', f'{MX}; dmarc=pass header.from=acme.example"x"',
    # twice
    f"{MX}; dmarc=fail header.from=acme.example; {_PASS}", f"{MX}; {_PASS}; dmarc=fail header.from=acme.example",
    f"{MX}; {_PASS}; {_PASS}", f"{MX}; dmarc=pass header.from=evil.example header.from=acme.example",
    f"{MX}; dmarc=pass header.from=acme.example header.from=evil.example", f"{MX}; {_PASS} HEADER.From=evil.example",
    f"{MX}; {_PASS}; spf=pass smtp.helo=a; spf=pass smtp.mailfrom=b", f"{MX}; DMARC=fail header.from=acme.example; {_PASS}",
    # another domain
    f"{MX}; dmarc=pass header.from=evil.example", f"{MX}; dmarc=pass header.from=acme.example.evil.example",
    f"{MX}; dmarc=pass header.from=sub.acme.example", f"{MX}; dmarc=pass header.from=example",
    f"{MX}; dmarc=pass header.from=sara@acme.example", f"{MX}; dmarc=pass", f"{MX}; dmarc=pass smtp.from=acme.example",
    f"{MX}; dmarc=pass header.d=acme.example", f"{MX}; dmarc=pass header.from=acme.example,evil.example",
    f"{MX}; dmarc=pass header.from=acme.example.", f"{MX}; dmarc=pass header.from=", f"{MX}; dmarc=pass from=acme.example",
    f"{MX}; dmarc=pass header.from=\u0430cme.example", f"{MX}; dmarc=pass header.from=xn--cme-7lc.example",
    # another result
    *(f"{MX}; dmarc={value} header.from=acme.example" for value in (
        "passed", "pass-ish", "temperror", "permerror", "bestguesspass", "softfail", "none", "neutral", "pass/fail", "=pass",
        "p\u0430ss", "", "pass;fail", "pass=fail", "pass:", "(pass)",
    )),
    f"{MX}; dmarc pass header.from=acme.example", f"{MX}; dmarc:pass header.from=acme.example",
    f"{MX}; x-dmarc=pass header.from=acme.example", f"{MX}; dmarc/2=pass header.from=acme.example",
    f"{MX}; dmarc/=pass header.from=acme.example", f"{MX}; {_PASS} evil", f"{MX}; {_PASS})", f"{MX}; {_PASS};; spf=pass",
    f"{MX}; {_PASS} (x", f"{MX}; {_PASS}; {'x' * 4000}", f"{MX};", MX, f"{MX}; none", "", f"{MX}; spf=pass; =; {_PASS}",
    # another method
    f"{MX}; spf=pass smtp.mailfrom=sara@acme.example", f"{MX}; dkim=pass header.d=evil.example",
    f"{MX}; dkim=fail header.d=acme.example", f"{MX}; dkim=pass header.i=@acme.example.evil.example",
    f"{MX}; dkim=pass header.i=x@acme.example@evil.example", f"{MX}; dkim=pass header.i=@evil.example@acme.example",
    f"{MX}; dkim=pass header.d=evil.example header.i=@acme.example", f"{MX}; dkim=pass header.i=acme.example",
    f"{MX}; dkim=pass (header.d=acme.example) header.d=evil.example", f"{MX}; compauth=pass header.from=acme.example",
    f"{MX}; arc=pass header.from=acme.example", f"{MX}; dkim=pass header.d=acme.example; dmarc=temperror header.from=acme.example",
    f"{MX}; dkim=pass header.d=acme.example; dmarc=none header.from=evil.example",
    f"{MX}; dkim=pass header.d=evil.example; dkim=fail header.d=acme.example", f"{MX}; dkim-atps=pass header.from=acme.example",
]  # fmt: skip

_REAL = ar(f"{MX}; spf=none smtp.mailfrom=evil.example; dmarc=none header.from=acme.example")
_FORGED = ar(f"{MX}; {_PASS}")
_FORGED_OWN = ar(f"mx.acme.example; {_PASS}")
_ALL_GOOD = ar(f"spf=pass smtp.mailfrom=acme.example; {_PASS}")
_BAD_M365 = ar(
    "spf=none (sender IP is 203.0.113.5) smtp.helo=x; dkim=none header.d=none;dmarc=none action=none header.from=acme.example;compauth=fail reason=001"
)
_AUTH = "(Authenticated sender: sara@acme.example)"
_FROM_OUTSIDE = POSTFIX.replace(
    "mail.acme.example (mail.acme.example [192.0.2.7])", "evil.example (unknown [203.0.113.5])"
)

EVIL_PLACES = [
    Above("below the zone", GOOGLE, (INNER, BORDER, THEIRS, _FORGED)),
    Above("below the zone, with a Received as if by Google", GOOGLE, (INNER, BORDER, _REAL, THEIRS, BORDER, _FORGED)),
    Above("beside Google's own", GOOGLE, (INNER, BORDER, _REAL, _FORGED, THEIRS)),
    Above("above Google's own, by a lying Received", GOOGLE, (INNER, BORDER, _REAL, BORDER, _FORGED)),
    Above("in other letters beside Google's own", GOOGLE, (INNER, BORDER, _REAL, _FORGED.replace(MX, "Mx.Google.Com"))),
    Above("broken beside Google's own", GOOGLE, (INNER, BORDER, ar(f"{MX}; {_PASS}"), ar("\"mx; x"))),
    Above("a space before the colon", GOOGLE, (INNER, BORDER, _REAL, _FORGED.replace("Results:", "Results :"))),
    Above("in another field", GOOGLE, (INNER, BORDER, _REAL, f"X-{_FORGED}", f"Old-{_FORGED}", f"X-Google-{_FORGED}")),
    Above("in ARC only", GOOGLE, (INNER, BORDER, _REAL, f"ARC-Authentication-Results: i=1; {MX}; {_PASS}")),
    Above("Received by nobody", GOOGLE, (INNER, BORDER.replace(" by mx.google.com", ""), _FORGED)),
    Above("Received whose client is called by", GOOGLE, (BORDER.replace("from mail.acme.example", "from by mx.google.com"), _FORGED)),
    Above("Received with the host in a comment", GOOGLE, (BORDER.replace("by mx.google.com", "(by mx.google.com) by evil.example"), _FORGED)),
    Above("Received by a look-alike", GOOGLE, (BORDER.replace("by mx.google.com", "by mx.google.com.evil.example"), _FORGED)),
    Above("Received by a look-alike of an inner hop", GOOGLE, (INNER.replace("2002:", "20021"), _FORGED)),
    Above("m365: not the topmost", M365, (HUB, _BAD_M365, EOP, _ALL_GOOD, THEIRS)),
    Above("m365: two at one hop", M365, (HUB, _ALL_GOOD, _BAD_M365, EOP, THEIRS)),
    Above("m365: below the zone", M365, (HUB, EOP, THEIRS, _ALL_GOOD)),
    Above("m365: with an id", M365, (HUB, ar(f"mx.evil.example; {_PASS}"), EOP)),
    Above("m365: anonymous", M365, (HUB, _AUTHAS.replace("Internal", "Anonymous"), _BAD_M365, EOP)),
    Above("m365: internal twice", M365, (HUB, _AUTHAS, _AUTHAS, _BAD_M365, EOP)),
    Above("m365: internal and anonymous", M365, (HUB, _AUTHAS, "X-MS-Exchange-CrossTenant-AuthAs: Anonymous", _BAD_M365, EOP)),
    Above("m365: internal of another tenant only", M365, (HUB, "X-MS-Exchange-CrossTenant-AuthAs: Internal", _BAD_M365, EOP)),
    Above("m365: internal in other words", M365, (HUB, _AUTHAS.replace("Internal", "Internal (really)"), _BAD_M365, EOP)),
    Above("m365: compauth alone", M365, (HUB, ar("dmarc=none action=none header.from=acme.example;compauth=pass reason=130"), EOP)),
    Above("own: below the border", OWN, (LMTP, _FROM_OUTSIDE, THEIRS, _FORGED_OWN)),
    Above("own: beside the true one", OWN, (LMTP, _FROM_OUTSIDE, ar("mx.acme.example; dmarc=none header.from=acme.example"), _FORGED_OWN)),
    Above("own: a login below the border", OWN, (LMTP, _FROM_OUTSIDE, SUBMITTED.format(login=SARA))),
    Above("own: a login of somebody else", OWN, (LMTP, SUBMITTED.format(login="bob@acme.example"))),
    Above("own: a login that is no address", OWN, (LMTP, SUBMITTED.format(login="sara"))),
    Above("own: a login as the client's name", OWN, (LMTP, _FROM_OUTSIDE.replace("from evil.example", f"from {_AUTH}"))),
    Above("own: a login in the client's words", OWN, (LMTP, _FROM_OUTSIDE.replace("from evil.example", f"from x {_AUTH}"))),
    Above("own: a login after by", OWN, (LMTP, _FROM_OUTSIDE.replace("(Postfix)", f"(Postfix) {_AUTH}"))),
    Above("own: a login in a comment of a comment", OWN, (LMTP, _FROM_OUTSIDE.replace("(No client", f"({_AUTH} No client"))),
    Above("own: a login at another host", OWN, (LMTP, SUBMITTED.format(login=SARA).replace("by mx.acme", "by mx.evil"))),
    Above("own: LMTP of a client from outside", OWN, (_FROM_OUTSIDE, LMTP, SUBMITTED.format(login=SARA))),
    Above("own: loopback of a client from outside", OWN, (_FROM_OUTSIDE.replace("evil.example (unknown [203.0.113.5])", "localhost (localhost[127.0.0.1].evil.example [203.0.113.5])"), SUBMITTED.format(login=SARA))),
    Above("none: everything", NONE, (INNER, BORDER, _FORGED, _AUTHAS, _ALL_GOOD, SUBMITTED.format(login=SARA))),
]  # fmt: skip
