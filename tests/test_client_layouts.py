"""More replies as mail programs lay them out, and what all of them lead to (trust.md C10): no command from quoted text,
no answer lost. The forms themselves: test_quoting.py, test_quoting_programs.py. All texts are our own."""

from __future__ import annotations

from collections import Counter

import pytest
from test_quoting import ASK, MARKED, REPLIES, RULE, SAID, TYPED, US, Reply, bottom, gt, inline, outlook, top
from texts import commands_in, lines, said

from triagemail.mail.quoting import new_text, split

BARE = inline(ASK)
ZIMBRA = """\
From: "Acme Issues" <issues@acme.example>
To: "Ann Lee" <ann@acme.example>
Sent: Monday, May 3, 2027 10:00:00 AM
Subject: [#42] Shop down
"""
GALAXY = f"-------- Original message --------\nFrom: {US}\nDate: 5/3/27 10:00 AM (GMT+01:00)\nTo: Ann\nSubject: [#42]\n"
GALAXY_DE = f"-------- Ursprüngliche Nachricht --------\nVon: {US}\nDatum: 03.05.27 10:00\nAn: Ann\nBetreff: [#42]\n"
GMAIL_ES = "El lun, 3 may 2027 a las 10:00, Acme Issues (<issues@acme.example>)\nescribió:"
KMAIL = "On Monday, May 3, 2027 10:00:00 AM Central European Summer Time Acme Issues wrote:"
WEB_DE, PHONE_DE = outlook("Von|Gesendet|An|Betreff", rule=RULE), "Outlook für Android herunterladen"
NOTES_DE = f"Von:\t{US}\nAn:\tAnn Lee/Acme@Acme\nDatum:\t03.05.2027 10:00\nBetreff:\t[#42] Shop down\n\n\n"
MORE = [
    Reply("K-9, de, top", top(f"Am 3. Mai 2027 10:00:00 MESZ schrieb {US}:"), SAID),
    Reply("K-9, en, bottom", bottom(f"On May 3, 2027 10:00:00 AM GMT+02:00, {US} wrote:"), SAID),
    Reply("K-9, en, inline", f"On 3 May 2027 10:00:00 CEST, {US} wrote:\n{MARKED}", TYPED),
    Reply("Proton, en, top", top(f"On Monday, May 3rd, 2027 at 10:00 AM, {US} wrote:\n"), SAID),
    Reply("Proton, fr, top", top(f"Le lundi 3 mai 2027 à 10:00, {US} a écrit :\n"), SAID),
    Reply("Proton, en, inline", f"On Monday, May 3rd, 2027 at 10:00, {US} wrote:\n\n{MARKED}", TYPED),
    Reply("Zimbra, en, top", top(ZIMBRA, ASK), SAID),
    Reply("Zimbra, en, ruled", top(f"----- Original Message -----\n{ZIMBRA}", gt(ASK)), SAID),
    Reply("Zimbra, en, inline", f"Hi\n\n{RULE}\n{ZIMBRA}\n{BARE}", ["Hi", *TYPED]),
    Reply("Spark, en, top", top(f"On May 3, 2027, 10:00 AM +0200, {US}, wrote:"), SAID),
    Reply("Spark, de, no marks", top(f"Am 3. Mai 2027, 10:00 +0200 schrieb {US}:", ASK), SAID),
    Reply("HCL Notes, de, top", top(NOTES_DE, ASK), SAID),
    Reply("HCL Notes, en, inline", f"-----Acme Issues <issues@acme.example> wrote: -----\n\n{BARE}", TYPED),
    Reply("Outlook desktop, es, top", top(outlook("De|Enviado el|Para|Asunto"), ASK), SAID),
    Reply("Outlook desktop, it, top", top(outlook("Da|Inviato|A|Oggetto"), ASK), SAID),
    Reply("Outlook desktop, nl, top", top(outlook("Van|Verzonden|Aan|Onderwerp"), ASK), SAID),
    Reply("Outlook desktop, pl, top", top(outlook("Od|Wysłano|Do|Temat"), ASK), SAID),
    Reply(
        "Outlook desktop, ja, top", top(outlook("From|Sent|To|Subject", rule="-----Original Message-----"), ASK), SAID
    ),
    Reply("Outlook web, zh, top", top(outlook("发件人|发送时间|收件人|主题", rule=RULE), ASK), SAID),
    Reply("Outlook web, de, inline", f"Hallo,\n{WEB_DE}\n{BARE}", ["Hallo,", *TYPED]),
    Reply("Outlook mobile, de", top(f"{PHONE_DE}\n{WEB_DE}", ASK), SAID),
    Reply("Gmail web, pt, top", top(f"Em seg., 3 de mai. de 2027 às 10:00, {US} escreveu:\n"), SAID),
    Reply("Gmail web, zh, top", top(f"{US} 于2027年5月3日周一 10:00写道：\n"), SAID),
    Reply("Gmail mobile, es, inline", f"{GMAIL_ES}\n\n{MARKED}", TYPED),
    Reply("Apple Mail, de, bottom", bottom(f"Am 03.05.2027 um 10:00 schrieb {US}:\n"), SAID),
    Reply("iOS, en, signature", top(f"Sent from my iPhone\n\n> On 3 May 2027, at 10:00, {US} wrote:\n>"), SAID),
    Reply("iOS, ja, top", top(f"iPhoneから送信\n\n> 2027/05/03 10:00、{US}のメール:\n>"), SAID),
    Reply("Samsung, en, top", top(f"Sent from my Galaxy\n\n{GALAXY}", ASK), SAID),
    Reply("Samsung, de, top", top(f"Von meinem Galaxy gesendet\n\n{GALAXY_DE}", ASK), SAID),
    Reply(
        "Yahoo, de, top",
        top(f"    Am Montag, 3. Mai 2027 um 10:00:00 MESZ hat {US} Folgendes geschrieben:  ", ASK),
        SAID,
    ),
    Reply("mutt, de, bottom", bottom("Acme Issues schrieb am 03. Mai 2027 um 10:00 Uhr:"), SAID),
    Reply("KMail, en, inline", f"{KMAIL}\n{MARKED}", TYPED),
    Reply("Evolution, en, top", top("On Mon, 2027-05-03 at 10:00 +0200, Acme Issues wrote:"), SAID),
    Reply("Thunderbird, fr, bottom", bottom("Le 03/05/2027 à 10:00, Acme Issues a écrit :"), SAID),
    Reply("Thunderbird, es, inline", f"El 3/5/27 a las 10:00, Acme Issues escribió:\n{MARKED}", TYPED),
]
EVERY = [*REPLIES, *MORE]


@pytest.mark.parametrize("reply", MORE, ids=lambda reply: reply.client)
def test_more_layouts(reply: Reply) -> None:
    """C10: "0 commands from quoted text, 0 answers lost", wherever the answers stand."""
    rows = split(reply.text, reply.parent)
    assert reply.expected == [line.strip() for line in new_text(rows).split("\n") if line.strip()]


@pytest.mark.parametrize("reply", EVERY, ids=lambda reply: reply.client)
def test_a_layout_leads_to_what_its_new_words_alone_lead_to(reply: Reply) -> None:
    """C10, to the end: commands and answers are those of the words that were typed, as if nothing stood around them;
    our mail is full of words that would be commands."""
    rows, alone = split(reply.text, reply.parent), lines("\n".join(reply.expected))
    found = [said(intent) for intent in commands_in(rows, issue=42).intents]
    assert found == [said(intent) for intent in commands_in(alone, issue=42).intents]
    assert all(kind[0] not in ("Withdraw", "Agree") for kind in found) or "agree" in reply.expected


def test_there_are_layouts_of_every_kind() -> None:
    """C10: "25 real client layouts (Outlook, Gmail, Apple, Thunderbird, mobile; top, inline, bottom)"."""
    clients = [reply.client for reply in EVERY]
    assert len(set(clients)) == len(clients) >= 70
    programs = Counter(client.partition(",")[0] for client in clients)
    wanted = {
        *("Outlook desktop", "Outlook web", "Outlook mobile", "Gmail web", "Gmail mobile", "Apple Mail", "iOS", "K-9"),
        *("Thunderbird", "Samsung", "Yahoo", "Proton", "HCL Notes", "Lotus Notes", "mutt", "Zimbra", "Spark"),
    }
    assert wanted <= set(programs)
    for place, least in (("inline", 15), ("bottom", 6), ("top", 25)):
        assert sum(place in client for client in clients) >= least, place
    languages = {word for client in clients for word in client.replace(",", "").split() if len(word) == 2}
    assert len(languages) >= 12
