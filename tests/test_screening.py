"""Is a mail for the process, and may it be answered (libraries.md 4; trust.md L1 to L4, C11)?"""

from __future__ import annotations

import json
import time
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import pytest

from triagemail.mail.mime import parse
from triagemail.mail.screening import Screening, screen

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
OWN = ("issues@acme.example", "updates@acme.example")
SILENT = {"bounce", "dsn_delay", "dsn_delivered", "feedback", "auto_reply", "auto_generated", "list", "own", "bad_from"}
DSN = "\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\n"


def mail(subject: str, text: str, author: str = "Sara Meyer <sara@acme.example>", **fields: str) -> bytes:
    """A mail with a Subject as a program encodes it; further fields by name, `_` for `-`."""
    message = EmailMessage()
    message["From"] = author
    message["To"] = "issues@acme.example"
    message["Subject"] = subject
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def look(raw: bytes, groups: tuple[str, ...] = ()) -> Screening:
    return screen(parse(raw), OWN, groups)


def report(action: str, subtype: str = "delivery-status", text: str = "see below") -> bytes:
    head = f'From: MAILER-DAEMON@mx.example\nContent-Type: multipart/report; report-type={subtype}; boundary="b"\n\n'
    return f"{head}--b\n\n{text}{DSN}{action}\nStatus: 5.1.1\n--b--\n".encode()


# --- people -----------------------------------------------------------------------------------------------------------

PEOPLE = [
    ("Undelivered orders since this morning", "Orders paid after 08:00 are not delivered to the warehouse."),
    ("Undeliverable parcels are booked twice", "The parcel service returns them, we book them again."),
    ("Automatic payment fails", "Direct debit for ACME fails with 550 since noon."),
    ("Re: Out of office calendar sync broken", "Still broken. Out of office entries are missing in Outlook."),
    ("Out of office: entries are lost in the calendar", "Entries that users make are gone after the sync."),
    ("Out of office replies are not sent", "A customer's out of office reply is never sent."),
    ("Auto-reply: wrong text", "The auto-reply for ACME shows the text of another customer."),
    ("Automatic reply: customers get it twice", "Each ticket gets the automatic reply two times."),
    ("Mail delivery failed for our customers", "Our invoices could not be delivered: 550 5.7.1 rejected. P1"),
    ("Delivery status of order 4711 is wrong", "It says delivered, the customer has nothing."),
    ("Delivery failed at checkout", "Choosing express delivery fails, user unknown is shown."),
    ("Returned mail is not scanned", "Letters that come back are not scanned since Friday."),
    ("Mailbox full message shown to everyone", "The dialog 'mailbox is full' opens on every page."),
    ("Bounce rate is up 40 %", "Landing page bounces since the deploy."),
    ("Fwd: Undelivered Mail Returned to Sender", "Customers forward us this:\n\n> This is the mail system at host mx"),
    ("Re: Undelivered Mail Returned to Sender", "Your mail to ACME came back, is the address in the system wrong?"),
    ("Spam complaint from ACME", "They get the newsletter after unsubscribing."),
    ("Vacation request cannot be approved", "I am on the HR team. The approve button is missing."),
    ("Abwesenheit wird nicht gespeichert", "Seit heute früh werden Abwesenheiten nicht gespeichert."),
    ("Urlaubsantrag: Fehler 500", "Beim Absenden kommt ein Fehler."),
    ("Réponse automatique envoyée en double", "Les clients reçoivent deux fois la réponse automatique."),
    ("Absence de facture dans l'espace client", "Le client ne voit plus ses factures."),
    ("No se puede pagar", "El botón de pagar no responde desde las 10:00."),
    ("Pedido no entregado aparece como entregado", "El estado es falso."),
    ("Fattura non consegnata", "Il cliente non la vede."),
    ("メール配信が遅い", "昨日から通知メールの配信が遅れています。"),
    ("自動返信が届かない", "お客様に自動返信メールが届きません。"),
    ("自动回复没有发送", "客户没有收到自动回复。"),
    ("Не доставлены уведомления", "Клиенты не получают письма с утра."),
    ("부재중 설정이 저장되지 않음", "오늘 아침부터 저장되지 않습니다."),
    ("Yazıcı çalışmıyor", "Fatura yazdırılamıyor."),
    ("Sipariş onayı gelmiyor", "Müşteriler e-posta almıyor."),
    ("", "the site is down, P0"),
    ("URGENT!!!", "nothing works"),
    ("P1: SMTP relay rejects mails", "Postfix says 554 5.7.1 relay access denied for all customers."),
    ("Please stop the automated reports", "I get them hourly."),
    ("Delayed invoices", "Invoices are delayed for more than 24 hours. Not yet delivered: 12."),
    ("Test", "This is an automated test environment problem: login fails."),
]


@pytest.mark.parametrize(("subject", "text"), PEOPLE)
def test_a_persons_report_is_never_silent(subject: str, text: str) -> None:
    """A person taken for a robot loses a report: no false positive on ordinary human mail in any language."""
    assert look(mail(subject, text)) == Screening("human", True, "no sign of a program")


@pytest.mark.parametrize(
    "author",
    [
        "Noreply Team <noreply-team@acme.example>",
        "noreplies@acme.example",
        "Post Master <postmaster@acme.example>",
        "Mail Administrator <bob@acme.example>",
        "SMTP Squad <smtp-squad@acme.example>",
        "Damon Mailer <damon@acme.example>",
        "Auto Parts <auto@acme.example>",
        "Bounce House <hello@bounce-house.example>",
        "Ndr Group <group@ndr.example>",
        "support@acme.example",
    ],
)
def test_an_odd_name_is_no_sign_by_itself(author: str) -> None:
    """Also of a person whose address looks like a robot's, with an ordinary report."""
    assert look(mail("Website is down", "All pages show an error since 10:02.", author)).class_ == "human"


@pytest.mark.parametrize(
    "subject", ["Mail delivery failed for ACME", "Undeliverable: invoices", "Automatic reply: Site"]
)
def test_the_mail_team_may_report_about_mail(subject: str) -> None:
    """A mail program of people in User-Agent outweighs wording and a name like a mail system's."""
    author = "SMTP <smtp@acme.example>"
    raw = mail(subject, "Could not be delivered: 550 5.1.1", author, User_Agent="Mozilla Thunderbird")
    assert look(raw).class_ == "human"


@pytest.mark.parametrize("value", ["All", "OOF, AutoReply", "DR, RN, NRN", "None", "AutoReply"])
def test_l2_suppression_on_input_is_no_sign(value: str) -> None:
    """L2: X-Auto-Response-Suppress on *input* is not a sign (Exchange senders set it): 5 human mails are processed."""
    raw = mail("Website is down", "All pages.", X_Auto_Response_Suppress=value)
    assert look(raw) == Screening("human", True, "no sign of a program")


def test_auto_submitted_no_is_a_person() -> None:
    """RFC 3834 5: `no` says that a person wrote it."""
    assert look(mail("Down", "x", Auto_Submitted="no")).may_ack
    assert look(mail("Down", "x", Auto_Submitted="No (really)")).may_ack


# --- programs ---------------------------------------------------------------------------------------------------------

ABSENT = [
    ("Automatic reply: [#42] Website is down", "I am out of the office until Monday."),
    ("Automatic reply", "Back on Monday."),
    ("Out of Office AutoReply: PRIORITY 0 ISSUE", "x"),
    ("Vacation reply Re: PRIORITY 0 ISSUE", "x"),
    ("[Auto-Reply] PRIORITY 0 ISSUE: WEBSITE IS DOWN", "Thanks for your mail."),
    ("Out of Office: PRIORITY 0 ISSUE UPDATE: WEBSITE IS DOWN", "I'm out of the office with limited access to email."),
    ("Out of office", "I am currently away and will be back on 3 May."),
    ("Away from my desk - Re: status", "I will be out until Friday."),
    ("On vacation", "Thank you for your email. I am on vacation."),
    ("Automatische Antwort: [#42] Website", "Vielen Dank für Ihre Nachricht. Ich bin nicht im Büro."),
    ("Abwesenheitsnotiz: Störung", "Ich bin bis 3.5. nicht erreichbar."),
    ("Abwesend: Störung", "Ich bin im Urlaub."),
    ("Abwesenheitsnotiz", "Ich bin im Urlaub."),
    ("Réponse automatique : [#42]", "Je suis absent du bureau."),
    ("Absence du bureau", "Je serai de retour lundi."),
    ("Absent: PRIORITY 1", "Je suis en congé jusqu'au 3 mai."),
    ("Respuesta automática: [#42]", "Estoy fuera de la oficina."),
    ("Fuera de la oficina", "Estaré de vuelta el lunes."),
    ("Risposta automatica: [#42]", "Sono fuori ufficio."),
    ("In ferie", "Sono in ferie fino al 3 maggio."),
    ("Resposta automática: [#42]", "Estou de férias."),
    ("Fora do escritório", "Estarei ausente até segunda-feira."),
    ("Automatisch antwoord: [#42]", "Ik ben niet op kantoor."),
    ("Afwezig", "Ik ben met vakantie."),
    ("Autosvar: [#42]", "Jag är på semester."),
    ("Frånvaro", "Jag är inte på kontoret."),
    ("Automatisk svar: [#42]", "Jeg er ikke på kontoret."),
    ("Fravær", "Jeg har ferie."),
    ("Automaattinen vastaus: [#42]", "Olen lomalla."),
    ("Poissa", "Olen poissa toimistosta."),
    ("Automatyczna odpowiedź: [#42]", "Jestem na urlopie."),
    ("Nieobecność", "Jestem nieobecny do 3 maja."),
    ("Automatická odpověď: [#42]", "Jsem mimo kancelář."),
    ("Automatikus válasz: [#42]", "Szabadságon vagyok."),
    ("Автоматический ответ: [#42]", "Я в отпуске."),
    ("В отпуске", "Я в отпуске до понедельника."),
    ("Otomatik yanıt: [#42]", "İzindeyim."),
    ("自動返信: [#42]", "不在にしております。"),
    ("不在", "ただいま不在にしております。"),
    ("自动答复: [#42]", "我正在休假。"),
    ("자동 회신: [#42]", "휴가 중입니다."),
    ("부재중", "현재 휴가 중입니다."),
    ("Αυτόματη απάντηση: [#42]", "Είμαι εκτός γραφείου."),
    ("תשובה אוטומטית: [#42]", "אני בחופשה."),
    ("Răspuns automat: [#42]", "Sunt în concediu."),
]


@pytest.mark.parametrize(("subject", "text"), ABSENT)
def test_l2_absence_notes_without_headers(subject: str, text: str) -> None:
    """L2: out-of-office answers to a broadcast: recorded, no issue, no reply; 40 fixtures, 12 languages and more."""
    found = look(mail(subject, text, In_Reply_To="<update@acme.example>"))
    assert (found.class_, found.may_ack) == ("auto_reply", False)


@pytest.mark.parametrize(
    ("fields", "class_"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto_Submitted": "auto-replied; owner-email=x@y.example"}, "auto_reply"),
        ({"Auto_Submitted": "auto-generated (rejected)"}, "auto_generated"),
        ({"Auto_Submitted": "auto-notified"}, "auto_generated"),
        ({"X_Autoreply": "yes"}, "auto_reply"),
        ({"X_Autorespond": "vacation"}, "auto_reply"),
        ({"Precedence": "auto_reply"}, "auto_reply"),
        ({"X_Apple_Action": "VACATION"}, "auto_reply"),
        ({"Precedence": "bulk"}, "auto_generated"),
        ({"Precedence": "junk"}, "auto_generated"),
        ({"Return_Path": "<>"}, "auto_generated"),
        ({"X_Cron_Env": "<SHELL=/bin/sh>"}, "auto_generated"),
        ({"Precedence": "list"}, "list"),
        ({"List_Id": "<bugs.other.example>"}, "list"),
        ({"List_Unsubscribe": "<mailto:x@y.example>"}, "list"),
    ],
)
def test_l1_headers_of_programs(fields: dict[str, str], class_: str) -> None:
    """L1: input: Auto-Submitted != no, <> Return-Path, Precedence bulk/junk."""
    found = look(mail("Website is down", "All pages.", **fields))
    assert (found.class_, found.may_ack) == (class_, False)


def test_l1_a_group_of_ours_stamps_every_human_report() -> None:
    """L1: List-Id or Precedence: list alone is *not* automatic; the config's groups are answered."""
    raw = mail("Down", "x", List_Id="Bugs <bugs.acme.example>", Precedence="list")
    assert look(raw) == Screening("list", False, "mailing list")
    assert look(raw, ("bugs@acme.example",)) == Screening("list", True, "one of our groups")
    assert look(raw, ("gs@acme.example", "bugs@acme.exampl")).may_ack is False
    posted = mail("Down", "x", List_Post="<mailto:bugs@acme.example>")
    assert look(posted, ("bugs@acme.example",)).may_ack
    away = mail("Down", "x", List_Id="Bugs <bugs.acme.example>", Auto_Submitted="auto-replied")
    assert look(away, ("bugs@acme.example",)).class_ == "auto_reply"


@pytest.mark.parametrize("author", ["no-reply@shop.example", "NoReply@shop.example", "do_not_reply@shop.example"])
def test_a14_senders_that_read_no_answer(author: str) -> None:
    """A14: no-reply@slack fixture: held, 0 mails out."""
    assert look(mail("Verify your account", "Your code is 123456.", author)).class_ == "auto_generated"


def test_our_own_addresses_are_never_answered() -> None:
    """Never answer to our own addresses (libraries.md 4), whatever the detail."""
    assert look(mail("x", "y", "issues+k1r.2@acme.example")).class_ == "own"
    assert look(mail("x", "y", "Updates <UPDATES@acme.example>")).class_ == "own"


@pytest.mark.parametrize("author", ["a@b.example, c@d.example", "Foo", "Group:;", "boss@corp.example <evil@x.example>"])
def test_a4_bad_from(author: str) -> None:
    """A4: else `bad-from`."""
    raw = b"From: " + author.encode() + b"\nSubject: down\n\nx"
    assert look(raw).class_ == "bad_from"
    assert look(b"From: a@b.example\n" + raw).class_ == "bad_from"
    assert look(b"Subject: down\n\nx").class_ == "bad_from"


@pytest.mark.parametrize(
    ("action", "class_"),
    [
        ("Action: failed", "bounce"),
        ("Action: delayed", "dsn_delay"),
        ("Action: delivered", "dsn_delivered"),
        ("Action: relayed (to a host)", "dsn_delivered"),
        ("Action: expanded", "dsn_delivered"),
        ("Action: error", "bounce"),
        ("Action: delayed\n\nFinal-Recipient: rfc822; c@d.example\nAction: failed", "bounce"),
        ("", "bounce"),
    ],
)
def test_delivery_reports_by_their_action(action: str, class_: str) -> None:
    """RFC 3464 2.3.3, and the worst of several recipients."""
    assert look(report(action)) == Screening(class_, False, look(report(action)).reason)
    assert look(report(action)).class_ == class_


def test_c11_receipts_reactions_and_calendar_answers_are_silent() -> None:
    """C11: calendar answers, receipts and reactions recorded on the invite or issue, silent, and no absence."""
    receipt = report("", "disposition-notification").replace(b"delivery-status", b"disposition-notification")
    person = b"From: sara@acme.example\nSubject: Accepted: P0 call\n"
    answer = person + b"Content-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\n"
    reaction = person + b"Content-Type: text/vnd.google.email-reaction+json\n\n{}"
    for raw in (receipt.replace(b"MAILER-DAEMON", b"sara"), answer, reaction):
        assert look(raw).class_ == "auto_generated"
    assert look(answer.replace(b"REPLY", b"REQUEST")).class_ == "human"


def test_abuse_reports() -> None:
    """RFC 5965, and a complaint that returns our mail."""
    raw = report("", "feedback-report").replace(b"message/delivery-status", b"message/feedback-report")
    assert look(raw.replace(b"MAILER-DAEMON", b"fbl")).class_ == "feedback"
    enclosed = b"\n--b\nContent-Type: message/rfc822\n\nSubject: ours\n\nx\n--b--"
    head = b"From: staff@provider.example\nSubject: complaint about message from 192.0.2.1\n"
    assert look(head + b"Content-Type: multipart/mixed; boundary=b\n" + enclosed).class_ == "feedback"


@pytest.mark.parametrize(
    ("author", "subject", "text", "class_"),
    [
        ("MAILER-DAEMON@mx.example", "failure notice", "Hi. This is the qmail-send program at mx.example.", "bounce"),
        ("MAILER-DAEMON", "Undelivered Mail Returned to Sender", "This is the mail system at host mx", "bounce"),
        ("mx@mx.example", "hello", "This message was created automatically by mail delivery software.", "bounce"),
        ("postmaster@mx.example", "Unzustellbar: Website", "Ihre Nachricht konnte nicht zugestellt werden", "bounce"),
        ("postmaster@mx.example", "Non remis : Website", "Votre message n'a pas pu être remis", "bounce"),
        ("postmaster@mx.example", "No se puede entregar: x", "No se pudo entregar a: a@b.example 550 5.1.1", "bounce"),
        ("postmaster@mx.example", "Не удалось доставить: x", "Письмо не может быть доставлено", "bounce"),
        ("postmaster@mx.example", "配信できませんでした", "次の宛先に送信できませんでした", "bounce"),
        ("postmaster@mx.example", "系统退信", "无法投递到以下收件人", "bounce"),
        ("MAILER-DAEMON@mx.example", "Warning: could not send message for past 4 hours", "x", "dsn_delay"),
        ("MAILER-DAEMON@mx.example", "Verzögerung", "Die Nachricht wurde noch nicht zugestellt", "dsn_delay"),
        ("x@mx.example", "Delivery problem", "Your message could not be delivered to a@b.example", "bounce"),
    ],
)
def test_returned_mail_without_structure(author: str, subject: str, text: str, class_: str) -> None:
    """Legacy mail systems: sender, opening and wording together, in the languages they write."""
    message = f"From: {author}\nSubject: {subject}\n\n{text}\n\na@b.example\n".encode()
    assert look(message).class_ == class_
    assert look(message).may_ack is False


def test_a_report_that_a_person_passes_on_is_a_persons() -> None:
    """A forwarded mail (a customer's complaint, passed on) is kept as material (process.md 2), also a bounce."""
    inner = b"Content-Type: message/rfc822\n\n" + report("Action: failed")
    raw = b"From: sara@acme.example\nSubject: Customers get this\n"
    raw += b"Content-Type: multipart/mixed; boundary=o\n\n--o\n\nsee\n--o\n"
    assert look(raw + inner + b"\n--o--").class_ == "human"
    part = DSN.replace("--b", "--o").encode() + b"Action: failed\n--o--"
    assert look(raw + part).class_ == "human"
    program = b"User-Agent: Mozilla Thunderbird\n" + raw.replace(b"sara@", b"smtp@")
    assert look(program + part).class_ == "human"
    assert look(raw.replace(b"sara@", b"mailer-daemon@") + part).class_ == "bounce"


def test_screening_is_linear() -> None:
    """C6: only the head of a mail is looked at, and each wording once."""
    for unit in ("this is an automatic ", "> ", "a. ", "5.1.1 ", "automatic reply ", "(", "notificationType "):
        start = time.perf_counter()
        look(mail("Re: " + unit * 20, unit * 40_000))
        assert time.perf_counter() - start < 1


# --- real mail --------------------------------------------------------------------------------------------------------


def test_figures_over_the_corpus() -> None:
    """Recall >= 98 % for bounce and auto_reply, the class as labelled mostly; no answer to any labelled robot."""
    if not (CORPUS / "mail.jsonl").exists():
        pytest.skip("the corpus of real mail is not beside the checkout")
    counts: Counter[tuple[str, str]] = Counter()
    answered: list[str] = []
    for line in (CORPUS / "mail.jsonl").read_text().splitlines():
        row = json.loads(line)
        found = look((CORPUS / row["file"]).read_bytes())
        counts[row["label"] or row["source"], found.class_] += 1
        if found.may_ack and row["label"] not in (None, "human"):
            answered.append(row["file"])
    for label in ("bounce", "auto_reply", "dsn_delay"):
        every = sum(count for (given, _), count in counts.items() if given == label)
        silent = sum(count for (given, class_), count in counts.items() if given == label and class_ in SILENT)
        exact = counts[label, label] + (counts[label, "dsn_delay"] if label == "bounce" else 0)
        assert silent >= 0.98 * every, (label, counts)
        assert exact >= 0.95 * every, (label, counts)
    # One mail labelled bounce is a person's `Fwd:` of one, with the returned mail quoted: it is processed.
    assert len(answered) <= 1, answered
    people = [class_ for (given, class_), _ in counts.items() if given in ("human", "stalwart")]
    assert set(people) <= {"human", "list", "bad_from"}
