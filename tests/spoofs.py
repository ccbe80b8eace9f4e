"""Corpora of trust.md, written for these tests: what mail systems write above a mail, and what forgers would have us
read. Each entry is a few header lines; a test puts a mail below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    "Received: from mail.acme.example (mail.acme.example [192.0.2.7])\r\n\t(using TLSv1.3 with cipher AES (256 bits))"
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
    " Microsoft SMTP\r\n Server (version=TLS1_2, cipher=TLS_ECDHE_RSA) id 15.20.82.11; Mon, 23 Nov 2026 09:00:01 +0000"
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
            [
                *self.lines,
                f"From: Sara <{self.author}>",
                "To: issues@acme.example",
                "Subject: It is down",
                "Message-ID: <1@client.example>",
                "Date: Mon, 23 Nov 2026 09:00:00 +0000",
            ]
        )
        return f"{head}\r\n\r\n{text}\r\n".encode("utf-8", "surrogateescape")


def google(value: str) -> tuple[str, ...]:
    """As Gmail stamps it: the results stand below its own Received."""
    return (INNER, BORDER, "Received-SPF: pass (google.com: ok) client-ip=192.0.2.7;", ar(value), THEIRS)


def own(value: str) -> tuple[str, ...]:
    return (LMTP, POSTFIX, ar(value), THEIRS)


def m365(value: str) -> tuple[str, ...]:
    """As Exchange Online stamps it: no authserv-id, above the Received of its border."""
    return (HUB, ar(value), "Received-SPF: Pass (protection.outlook.com: ok) receiver=x;", EOP, THEIRS)


# --- >= 20 genuine ones: 0 false refusals -----------------------------------------------------------------------------

_WORDS = {
    "$DMARC": "dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=acme.example",
    "$SPF": "spf=pass (google.com: domain of sara@acme.example designates 192.0.2.7 as permitted sender)",
    "$DKIM": 'dkim=pass header.i=@acme.example header.s=mail2026 header.b="Xi/3ab+d"',
    "$ARC": "arc=pass (i=1 spf=pass spfdomain=acme.example dkim=pass dkdomain=acme.example dmarc=pass)",
    "$IP": "spf=pass (sender IP is 192.0.2.7)",
    "$SIGNED": "dkim=pass (signature was verified)~header.d=acme.example",
    "$RSPAMD": "spf=pass (mx.acme.example: domain of sara@acme.example designates 192.0.2.7 as permitted sender)",
    "$FROM": "header.from=acme.example",
    "$M": "smtp.mailfrom=sara@acme.example",
    "~": "\r\n\t",
}
_AUTHAS = "X-MS-Exchange-Organization-AuthAs: Internal"

# name | rule that believes it | value, `~` where it is folded
_GOOGLE = """
all three | google-dmarc | $DKIM;~$SPF $M;~$DMARC
an unquoted signature | google-dmarc | dkim=pass header.i=@acme.example header.s=s1 header.b=oBZ/uj1=;~$DMARC
two signatures | google-dmarc | $DKIM;~dkim=pass header.i=@a.example;~$SPF smtp.mailfrom="b=x"@a.example;~$DMARC
a broken signature | google-dmarc | dkim=neutral (body hash did not verify);~$DKIM;~$DMARC
with arc and its comment | google-dmarc | $DKIM;~$ARC;~$DMARC
own domain without a record | google-dkim | $DKIM;~$SPF $M
header.d too | google-dkim | dkim=pass header.d=acme.example header.i=@acme.example header.b=aa
a From domain in capitals | google-dmarc | dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=ACME.example
a return path with signs | google-dmarc | spf=pass smtp.mailfrom=m1=1a=b-9@b.acme.example;~$DMARC;~dara=pass
nothing but dmarc | google-dmarc | $DMARC
"""
_M365 = """
external | m365-dmarc | $IP~smtp.mailfrom=acme.example; $SIGNED;dmarc=pass action=none~$FROM;compauth=pass reason=1
dkim only | m365-dmarc | spf=fail smtp.mailfrom=x.example; $SIGNED;dmarc=pass action=none $FROM;compauth=pass reason=100
two signatures | m365-dmarc | $IP smtp.mailfrom=a.example; $SIGNED;dkim=pass header.d=b.example;dmarc=pass $FROM
"""
_OWN = """
rspamd | own-dmarc | dkim=pass header.d=acme.example header.b="b/d=";~$RSPAMD $M;~dmarc=pass (policy=reject) $FROM
rspamd, more | own-dmarc | arc=none;~dmarc=pass (policy=none) $FROM;~iprev=pass policy.iprev=192.0.2.7
OpenDMARC | own-dmarc | dmarc=pass (p=none dis=none) $FROM
OpenDMARC and spf | own-dmarc | spf=pass smtp.helo=mail.acme.example; dmarc=pass (p=quarantine dis=none) $FROM
OpenDKIM alone | own-dkim | dkim=pass (2048-bit key; unprotected) header.d=acme.example; dkim-atps=neutral; dmarc=none
spaces where they may be | own-dmarc | dmarc = pass (a (nested) one) header . from = acme.example ; spf/1=none
"""


def _table(trust: Trust, text: str) -> Iterator[Above]:
    place, owner = {"google": (google, f"{MX};~"), "m365": (m365, ""), "own": (own, "mx.acme.example;~")}[trust.profile]
    for line in text.strip("\n").split("\n"):
        name, rule, value = line.split(" | ")
        value = owner + value
        for word, meant in _WORDS.items():
            value = value.replace(word, meant)
        yield Above(f"{trust.profile}: {name}", trust, place(value), rule)


_RESULTS = ar("mx.acme.example; dmarc=pass header.from=acme.example")
_NOT_SIGNED = ar("dkim=none (message not signed)\r\n header.d=none;dmarc=none action=none header.from=acme.example;")
GENUINE = [
    *_table(GOOGLE, _GOOGLE),
    *_table(M365, _M365),
    *_table(OWN, _OWN),
    Above("m365: internal", M365, (HUB, _AUTHAS, "X-MS-Exchange-CrossTenant-AuthAs: Internal"), "m365-internal"),
    Above("m365: internal, with results of the sending side", M365, (HUB, _AUTHAS, _NOT_SIGNED), "m365-internal"),
    Above("rspamd above the Received of its host", OWN, (LMTP, _RESULTS, POSTFIX, THEIRS), "own-dmarc"),
    Above("with a version", OWN, (POSTFIX, _RESULTS.replace(";", " 1;"), THEIRS), "own-dmarc"),
    Above(
        "a third server's results beside ours",
        OWN,
        (LMTP, POSTFIX, ar('spam.acme.example; dkim=fail reason="bad key" header.d=acme.example'), _RESULTS, THEIRS),
        "own-dmarc",
    ),
    Above("handed in with a login", OWN, (SUBMITTED.format(login="sara@acme.example"),), "own-login"),
    Above("handed in, then LMTP", OWN, (LMTP, SUBMITTED.format(login="s.smith")), "own-login"),
    Above("handed in, then a filter", OWN, (LMTP, FILTERED, SUBMITTED.format(login="Sara@acme.example")), "own-login"),
]

# --- >= 60 evil ones: 0 false passes; each value stands where Gmail's own would ---------------------------------------

_PASS = "dmarc=pass header.from=acme.example"
# One a line: whose it is; comments and quoted strings, never searched; twice; another domain, result or method.
_EVIL = r"""
$M.evil.example; $P
mx-google.com; $P
x$M; $P
google.com; $P
mx.goog1e.com; $P
MX.google.com; $P
$M.; $P
$M:25; $P
$M/1; $P
"$M"; $P
$M@evil.example; $P
$M 2; $P
$M 1 x; $P
evil.example ($M); $P
evil.example; $M; $P
; $P
$P
$M $P
$M, $P
($M;) evil.example; $P
$M=1; $P
<$M>; $P
$M; dmarc=fail ($P) header.from=acme.example
$M; spf=pass ($P) smtp.mailfrom=evil.example
$M; dmarc=fail (a (b) $P) header.from=acme.example
$M; spf=pass (x; $P
$M; spf=pass x); $P
$M ($P); none
$M; none ($P)
$M; (x) none; $P
$M; spf=fail reason="$P" smtp.mailfrom=a
$M; spf=pass smtp.mailfrom="x; $P
$M; dmarc="pass" header.from=acme.example
$M; dmarc=pass header.from="evil.example"acme.example
$M; dmarc=fail header.from=acme.example; $P
$M; $P; dmarc=fail header.from=acme.example
$M; $P; $P
$M; dmarc=pass header.from=evil.example header.from=acme.example
$M; $P header.from=evil.example
$M; $P HEADER.From=evil.example
$M; $P; spf=pass smtp.helo=a; spf=pass smtp.mailfrom=b
$M; DMARC=fail header.from=acme.example; $P
$M; dmarc=pass header.from=evil.example
$M; $P.evil.example
$M; dmarc=pass header.from=sub.acme.example
$M; dmarc=pass header.from=example
$M; dmarc=pass header.from=sara@acme.example
$M; dmarc=pass
$M; dmarc=pass smtp.from=acme.example
$M; dmarc=pass header.d=acme.example
$M; $P,evil.example
$M; $P.
$M; dmarc=pass header.from=
$M; dmarc=pass from=acme.example
$M; dmarc=pass header.from=xn--cme-7lc.example
$M; dmarc=passed header.from=acme.example
$M; dmarc=pass-ish header.from=acme.example
$M; dmarc=temperror header.from=acme.example
$M; dmarc=permerror header.from=acme.example
$M; dmarc=bestguesspass header.from=acme.example
$M; dmarc=softfail header.from=acme.example
$M; dmarc=none header.from=acme.example
$M; dmarc=neutral header.from=acme.example
$M; dmarc=pass/fail header.from=acme.example
$M; dmarc==pass header.from=acme.example
$M; dmarc= header.from=acme.example
$M; dmarc=pass;fail header.from=acme.example
$M; dmarc=pass=fail header.from=acme.example
$M; dmarc=pass: header.from=acme.example
$M; dmarc=(pass) header.from=acme.example
$M; dmarc pass header.from=acme.example
$M; dmarc:pass header.from=acme.example
$M; x-$P
$M; dmarc/2=pass header.from=acme.example
$M; dmarc/=pass header.from=acme.example
$M; $P evil
$M; $P)
$M; $P;; spf=pass
$M; $P (x
$M;
$M
$M; none
$M; spf=pass; =; $P
$M; spf=pass smtp.mailfrom=sara@acme.example
$M; dkim=pass header.d=evil.example
$M; dkim=fail header.d=acme.example
$M; dkim=pass header.i=@acme.example.evil.example
$M; dkim=pass header.i=x@acme.example@evil.example
$M; dkim=pass header.i=@evil.example@acme.example
$M; dkim=pass header.d=evil.example header.i=@acme.example
$M; dkim=pass header.i=acme.example
$M; dkim=pass (header.d=acme.example) header.d=evil.example
$M; compauth=pass header.from=acme.example
$M; arc=pass header.from=acme.example
$M; dkim=pass header.d=acme.example; dmarc=temperror header.from=acme.example
$M; dkim=pass header.d=acme.example; dmarc=none header.from=evil.example
$M; dkim=pass header.d=evil.example; dkim=fail header.d=acme.example
$M; dkim-atps=pass header.from=acme.example
$M; spf=pass (x\); $P
$M; dmarc=pass reason="x"header.from=acme.example
$M; dmarc=pass reason=a=b header.from=acme.example
$M; spf=pass smtp.mailfrom="x; $P"
$M; spf=pass smtp.mailfrom="x\"; $P"
$M; dmarc=pass header.from="acme.example"
$M; dmarc=pass header.from=acme.example"x"
"""
EVIL_RESULTS = [line.replace("$P", _PASS).replace("$M", MX) for line in _EVIL.strip("\n").split("\n")] + [
    "",
    f"{MX}\x00; {_PASS}",
    f"mx.g\u043eogle.com; {_PASS}",
    f"{MX}; spf=pass {'(' * 40}{')' * 40}; {_PASS}",
    f"{MX}; dmarc=pass header.from=\u0430cme.example",
    f"{MX}; dmarc=p\u0430ss header.from=acme.example",
    f"{MX}; {_PASS}; {'x' * 4000}",
    f"{MX}; {_PASS} ({'x' * 4000})",
    f"{MX}; dmarc=pass (\x01) header.from=acme.example",
]

_REAL = ar(f"{MX}; spf=none smtp.mailfrom=evil.example; dmarc=none header.from=acme.example")
_FORGED = ar(f"{MX}; {_PASS}")
_FORGED_OWN = ar(f"mx.acme.example; {_PASS}")
_ALL_GOOD = ar(f"spf=pass smtp.mailfrom=acme.example; {_PASS}")
_BAD_M365 = ar(
    "spf=none (sender IP is 203.0.113.5) smtp.helo=x; dkim=none header.d=none;dmarc=none action=none"
    " header.from=acme.example;compauth=fail reason=001"
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
    Above("broken beside Google's own", GOOGLE, (INNER, BORDER, ar(f"{MX}; {_PASS}"), ar('"mx; x'))),
    Above("a space before the colon", GOOGLE, (INNER, BORDER, _REAL, _FORGED.replace("Results:", "Results :"))),
    Above("in another field", GOOGLE, (INNER, BORDER, _REAL, f"X-{_FORGED}", f"Old-{_FORGED}", f"X-Google-{_FORGED}")),
    Above("in ARC only", GOOGLE, (INNER, BORDER, _REAL, f"ARC-Authentication-Results: i=1; {MX}; {_PASS}")),
    Above("Received by nobody", GOOGLE, (INNER, BORDER.replace(" by mx.google.com", ""), _FORGED)),
    Above(
        "Received whose client is called by",
        GOOGLE,
        (BORDER.replace("from mail.acme.example", "from by mx.google.com"), _FORGED),
    ),
    Above(
        "Received with the host in a comment",
        GOOGLE,
        (BORDER.replace("by mx.google.com", "(by mx.google.com) by evil.example"), _FORGED),
    ),
    Above(
        "Received by a look-alike",
        GOOGLE,
        (BORDER.replace("by mx.google.com", "by mx.google.com.evil.example"), _FORGED),
    ),
    Above("Received by a look-alike of an inner hop", GOOGLE, (INNER.replace("2002:", "20021"), _FORGED)),
    Above("m365: not the topmost", M365, (HUB, _BAD_M365, EOP, _ALL_GOOD, THEIRS)),
    Above("m365: two at one hop", M365, (HUB, _ALL_GOOD, _BAD_M365, EOP, THEIRS)),
    Above("m365: below the zone", M365, (HUB, EOP, THEIRS, _ALL_GOOD)),
    Above("m365: with an id", M365, (HUB, ar(f"mx.evil.example; {_PASS}"), EOP)),
    Above("m365: anonymous", M365, (HUB, _AUTHAS.replace("Internal", "Anonymous"), _BAD_M365, EOP)),
    Above("m365: internal twice", M365, (HUB, _AUTHAS, _AUTHAS, _BAD_M365, EOP)),
    Above(
        "m365: internal and anonymous",
        M365,
        (HUB, _AUTHAS, "X-MS-Exchange-CrossTenant-AuthAs: Anonymous", _BAD_M365, EOP),
    ),
    Above(
        "m365: internal of another tenant only",
        M365,
        (HUB, "X-MS-Exchange-CrossTenant-AuthAs: Internal", _BAD_M365, EOP),
    ),
    Above(
        "m365: internal in other words", M365, (HUB, _AUTHAS.replace("Internal", "Internal (really)"), _BAD_M365, EOP)
    ),
    Above(
        "m365: compauth alone",
        M365,
        (HUB, ar("dmarc=none action=none header.from=acme.example;compauth=pass reason=130"), EOP),
    ),
    Above("own: below the border", OWN, (LMTP, _FROM_OUTSIDE, THEIRS, _FORGED_OWN)),
    Above(
        "own: beside the true one",
        OWN,
        (LMTP, _FROM_OUTSIDE, ar("mx.acme.example; dmarc=none header.from=acme.example"), _FORGED_OWN),
    ),
    Above("own: a login below the border", OWN, (LMTP, _FROM_OUTSIDE, SUBMITTED.format(login=SARA))),
    Above("own: a login of somebody else", OWN, (LMTP, SUBMITTED.format(login="bob@acme.example"))),
    Above("own: a login that is no address", OWN, (LMTP, SUBMITTED.format(login="sara"))),
    Above(
        "own: a login as the client's name", OWN, (LMTP, _FROM_OUTSIDE.replace("from evil.example", f"from {_AUTH}"))
    ),
    Above(
        "own: a login in the client's words", OWN, (LMTP, _FROM_OUTSIDE.replace("from evil.example", f"from x {_AUTH}"))
    ),
    Above("own: a login after by", OWN, (LMTP, _FROM_OUTSIDE.replace("(Postfix)", f"(Postfix) {_AUTH}"))),
    Above(
        "own: a login in a comment of a comment",
        OWN,
        (LMTP, _FROM_OUTSIDE.replace("(No client", f"({_AUTH} No client")),
    ),
    Above(
        "own: a login at another host", OWN, (LMTP, SUBMITTED.format(login=SARA).replace("by mx.acme", "by mx.evil"))
    ),
    Above("own: LMTP of a client from outside", OWN, (_FROM_OUTSIDE, LMTP, SUBMITTED.format(login=SARA))),
    Above(
        "m365: dkim alone",
        M365,
        (HUB, ar("dkim=pass header.d=acme.example;dmarc=none action=none header.from=acme.example"), EOP),
    ),
    Above(
        "own: a login after other words",
        OWN,
        (LMTP, _FROM_OUTSIDE.replace("(No client certificate requested)", f"(x {_AUTH[1:]}")),
    ),
    Above("own: a login before other words", OWN, (LMTP, SUBMITTED.format(login="sara@acme.example or so"))),
    Above(
        "own: loopback of a client from outside",
        OWN,
        (
            _FROM_OUTSIDE.replace(
                "evil.example (unknown [203.0.113.5])", "localhost (localhost[127.0.0.1].evil.example [203.0.113.5])"
            ),
            SUBMITTED.format(login=SARA),
        ),
    ),
    Above("none: everything", NONE, (INNER, BORDER, _FORGED, _AUTHAS, _ALL_GOOD, SUBMITTED.format(login=SARA))),
]

# --- >= 60 forged mails: what stands above a fresh mail in the name of somebody, at Google ----------------------------

_HONEST = google(f"{MX}; spf=softfail smtp.mailfrom=evil.example; dmarc=none header.from=acme.example")
_WRITTEN = (  # by the forger, below what Google wrote
    "Reply-To: sara@acme.example",
    "Sender: sara@acme.example",
    "Resent-From: sara@acme.example",
    "Return-Path: <sara@acme.example>",
    "X-Original-From: sara@acme.example",
    "X-Authenticated-Sender: sara@acme.example",
    "X-Auth-Result: pass",
    "X-Spam-Status: No",
    "X-Google-DKIM-Signature: v=1; a=rsa-sha256; d=1e100.net; s=x; b=aa",
    "X-Gm-Message-State: AOJu0Yx",
    "DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=x; h=from; bh=aa; b=aa",
    "Received-SPF: pass (google.com: ok)",
    "X-MS-Exchange-Organization-AuthAs: Internal",
    "X-MS-Exchange-CrossTenant-AuthAs: Internal",
    "X-Forefront-Antispam-Report: SFV:SKI",
    f"X-Authentication-Results: {MX}; {_PASS}",
    f"Authentication-Results-Original: {MX}; {_PASS}",
    f"Original-{_FORGED}",
    f"ARC-Authentication-Results: i=1; {MX}; {_PASS}",
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=google.com; s=x; b=aa",
    "X-Triagemail-Role: triager",
    "X-Triagemail-Evidence: E12",
    "Auto-Submitted: no",
    "Precedence: first-class",
    "X-Loop: issues@acme.example",
    "In-Reply-To: {root}",
    "References: {root}",
    "References: <root@acme.example> {root}",
    "Thread-Topic: [#2]",
    "Importance: high",
    "Subject: [#2] agree",
    "Subject: Re: [#2] Invoices are late",
    "Subject: Re: [#1] Checkout is blank",
    "Subject: triager says",
    "To: issues+2@acme.example",
    "To: issues+ar2@acme.example",
    "To: issues+arc.b.tt2-aaaaaaaaaaaaaaaaaaaaaaaaaa@acme.example",
    "To: issues+arc.b.tt2-aaaaaaaaaaaaaaaaaaaa@acme.example",
    "To: issues+c-aaaaaaaaaaaaaaaaaaaaaaaaaa@acme.example",
    "To: issues+agree@acme.example",
    "To: issues@acme.example, sara@acme.example",
    "Delivered-To: issues+br2.b.c-aaaaaaaaaaaaaaaaaaaaaaaaaa@acme.example",
)
TRICKS: list[tuple[str, tuple[str, ...]]] = [
    ("nothing", ()),
    ("nothing but what Google wrote", _HONEST),
    *((line, (*_HONEST, line)) for line in _WRITTEN),
    *((above.name, tuple(above.lines)) for above in EVIL_PLACES if above.trust is GOOGLE),
    *((value, google(value)) for value in EVIL_RESULTS if _PASS in value and value.isascii() and "\x00" not in value),
][:75]
