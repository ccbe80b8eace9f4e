"""Stories in other languages than English: "a person gets the language of their report or preference in mails to them,
broadcasts are in the list's language"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from chat import ANNA, BOB, LENA, SARA, Chat, Out, one, talk_directly, to
from test_templates import Page
from texts import WORDS

from triagemail.mail.words import language_of
from triagemail.process.model import Priority, State
from triagemail.store import spoken

pytestmark = pytest.mark.usefixtures("keeps_its_word")

GERMAN = """\
Hallo zusammen,

1. Was passiert? Die Kasse zeigt seit neun Uhr eine leere Seite.
2. Was haben Sie stattdessen erwartet? Das Formular für die Zahlung.
3. Wie können wir es selbst sehen? https://shop.acme.example öffnen und auf Zahlen gehen.
4. Wer ist betroffen, und gibt es einen Umweg? Alle Kunden, kein Umweg.
5. Welche Art von Antwort wünschen Sie? {priority}

Viele Grüße
Bob
"""
FRENCH = """\
Bonjour,

Que se passe-t-il ? La page de paiement est blanche depuis neuf heures.
Qu'attendiez-vous à la place ? Le formulaire de paiement.
Comment pouvons-nous le voir ? Ouvrez https://shop.acme.example et payez.
Qui est touché, et peut-on contourner ? Tous les clients, sans contournement.
Quel type de réponse souhaitez-vous ? {priority}

Cordialement
"""
SPANISH = "La página de pago está en blanco desde las nueve y nadie puede pagar."


def taps(mail: Out) -> list[str]:
    """What the one-tap answers of a mail send."""
    links = [url for url in Page(mail.html).links if url.startswith("mailto:")]
    return [parse_qs(urlsplit(url).query)["body"][0] for url in links]


def tap(chat: Chat, mail: Out, start: str, more: str = "") -> list[Out]:
    """The one answer of one tap that starts so is sent, with what the person adds."""
    (body,) = (body for body in taps(mail) if body.startswith(start))
    return chat.answers(mail, body + more)


def lang(mail: Out) -> str:
    found = re.search(r'<html lang="(\w+)"', mail.html)
    assert found is not None
    return found[1]


def all_in(mails: Iterable[Out], language: str) -> bool:
    """Every mail names the language in its HTML part, and its text part has no other."""
    return all(lang(mail) == language and language_of(mail.text, WORDS) == language for mail in mails)


def test_a_german_company_from_the_report_to_the_thanks(tmp_path: Path) -> None:
    """Report, decision, owner, update, end and thanks in German, by one tap each: no mail has an English sentence."""
    with talk_directly(tmp_path, mail={"language": "de"}) as chat:
        chat.subscribe(LENA)
        out = chat.sends(BOB, GERMAN.format(priority="P1"), subject="Kasse ist leer")
        assert chat.issue(1).headline == "Kasse ist leer"
        assert chat.issue(1).reported is Priority.P1
        assert chat.issue(1).answers["affected"] == "Alle Kunden, kein Umweg."
        assert "UNBESTÄTIGT" in one(out, BOB).text
        asked = one(out, SARA, "[#1] Kasse ist leer")
        assert "bitte entscheiden Sie" in asked.text
        tap(chat, one(out, BOB), "Ja, diese Meldung")
        assert not chat.issue(1).unverified
        out = tap(chat, asked, "zustimmen")
        assert "ist als P1 vereinbart" in one(out, BOB, "[#1]").text
        assert one(out, LENA).subject == "PRIORITÄT 1 STÖRUNG: KASSE IST LEER"
        out = tap(chat, one(out, SARA, "[#1]"), "zuständig ", ANNA)
        out = tap(chat, one(out, ANNA), "meins")
        assert chat.issue(1).owner_accepted
        out = chat.answers(one(out, ANNA), "update: Ein Zertifikat ist abgelaufen, wir erneuern es gerade.")
        assert "Ein Zertifikat ist abgelaufen" in one(out, LENA).text
        out = chat.answers(one(out, ANNA, "[#1]"), "gelöst: Das Zertifikat ist erneuert.")
        assert chat.issue(1).state is State.RESOLVED
        assert "Es geht wieder: die P1-Störung #1 ist behoben." in one(out, BOB).text
        assert one(out, LENA).subject == "PRIORITÄT 1 STÖRUNG BEHOBEN: KASSE IST LEER"
        thanks = [mail for mail in out if b"text/calendar" in mail.raw]
        assert len(thanks) == 2
        assert {mail.to for mail in thanks} == {SARA, ANNA}  # the order over several connections is nobody's
        assert all("#1 ist behoben. Vielen Dank!" in mail.text for mail in thanks)
        assert all(b"SUMMARY:Eine Pause nach #1" in mail.raw for mail in thanks)
        assert all_in(chat.sent, "de")


def test_a_french_reporter_and_an_english_triager(tmp_path: Path) -> None:
    """Each gets their own language about one issue, and each answers in it; the list has the list's."""
    with talk_directly(tmp_path) as chat:
        chat.subscribe(LENA)
        out = chat.sends(BOB, FRENCH.format(priority="P1"), subject="Paiement impossible")
        triage = one(out, SARA)
        assert (lang(one(out, BOB)), lang(triage)) == ("fr", "en")
        assert "> La page de paiement est blanche" in triage.text
        tap(chat, one(out, BOB), "Oui, ce signalement")
        out = chat.answers(triage, "P2 because there is a workaround")
        told = one(out, BOB)
        assert "est maintenant en P2, pas en P1." in told.text
        assert all_in([told], "fr")
        out = tap(chat, told, "contester: ", "Il n'y a aucun contournement.")
        ruling = next(mail for mail in to(out, SARA) if "please look once more" in mail.text)
        assert "> Il n'y a aucun contournement." in ruling.text
        out = chat.answers(ruling, "P1 because nobody can pay")
        assert chat.issue(1).priority is Priority.P1
        assert "C'est tranché\u00a0: #1 est en P1." in one(out, BOB, "[#1]").text
        assert one(out, LENA).subject == "PRIORITY 1 ISSUE: PAIEMENT IMPOSSIBLE"
        assert {lang(mail) for mail in to(chat.sent, BOB, "[#1]")} == {"fr"}
        assert {lang(mail) for mail in chat.sent if mail.to != BOB} == {"en"}


def test_broadcasts_are_in_the_language_of_the_list(tmp_path: Path) -> None:
    """One mail to everybody: `[list] language`, whatever the reporter, the triager or a reader of it speak."""
    with talk_directly(tmp_path, list={"language": "es"}) as chat:
        chat.subscribe(LENA)
        with chat.app.store.transaction():
            spoken.speak(chat.app.store, LENA, "de")
        out = chat.sends(BOB, FRENCH.format(priority="P0"), subject="Paiement impossible")
        out = tap(chat, one(out, BOB), "Oui, ce signalement")
        told = one(out, LENA)
        assert told.subject == "PRIORIDAD 0 INCIDENCIA: PAIEMENT IMPOSSIBLE"
        assert all_in([told], "es")
        out = chat.answers(told, "statut")
        assert lang(one(out, LENA)) == "de"


def test_a_person_says_their_language(tmp_path: Path) -> None:
    """`language de`: from then on, whatever they write in. A fresh mail shows nothing of its sender, so it is asked
    back; a language that we have not gets a clear answer."""
    with talk_directly(tmp_path) as chat:
        out = chat.sends(BOB, "", subject="language German")
        asked = one(out, BOB)
        assert "change the language of the mails" in asked.text
        receipt = one(chat.answers(asked, "yes"), BOB)
        assert "von nun an bekommen Sie unsere Mails auf Deutsch" in receipt.text
        assert chat.journal(0)[-1] == "LanguageSet"
        out = chat.answers(receipt, "The shop shows a white page since nine, and nobody can pay.")
        assert lang(one(out, BOB)) == "de"
        out = chat.answers(one(out, BOB), "language klingonisch")
        assert '"sprache Deutsch"' in one(out, BOB).text
        assert lang(one(chat.answers(one(out, BOB), "sprache Englisch"), BOB)) == "en"


def test_what_may_be_forged_changes_no_known_language(tmp_path: Path) -> None:
    """What somebody writes tells their language: a mail that shows nothing of its sender only where none was known, a
    reply to a mail of ours always."""
    with talk_directly(tmp_path) as chat:
        out = chat.sends(BOB, "Der Shop zeigt seit neun Uhr eine weiße Seite, und niemand kann zahlen.", subject="Shop")
        assert lang(one(out, BOB)) == "de"
        assert lang(one(chat.sends(BOB, SPANISH, subject="Pago"), BOB)) == "de"
        assert lang(one(chat.answers(one(out, BOB), "list"), BOB)) == "de"  # an English word makes nobody English
        chat.answers(one(out, BOB), f"Hola,\n\n{SPANISH}")
        assert lang(one(chat.sends(BOB, "", subject="help"), BOB)) == "es"


def test_a_mistyped_word_is_told_in_its_readers_language(tmp_path: Path) -> None:
    """A near-miss offers the word that the reader's mails use."""
    with talk_directly(tmp_path) as chat:
        with chat.app.store.transaction():
            spoken.speak(chat.app.store, BOB, "fr")
        out = chat.sends(BOB, "unsubscibe")
        assert 'Vouliez-vous dire "se désabonner"\u00a0?' in one(out, BOB).text
        assert taps(one(out, BOB)) == ["se désabonner", "aide"]


def test_a_form_that_was_copied_is_known_in_every_language(tmp_path: Path) -> None:
    """Somebody fills the German form in and sends it as a fresh mail: its words are ours, their answers theirs."""
    with talk_directly(tmp_path) as chat:
        with chat.app.store.transaction():
            spoken.speak(chat.app.store, BOB, "de")
        form = one(chat.sends(BOB, "", subject="vorlage"), BOB).text.partition("\n-- \n")[0]
        filled = form.replace("Welche Kunden, wie viele.", "Welche Kunden, wie viele.\nAlle in der EU")
        chat.sends(BOB, filled, subject="Kasse")
        assert chat.issue(1).answers == {"affected": "Alle in der EU"}
