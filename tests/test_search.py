"""Similar open issues for the triage mail (process.md 3): the same on both engines, and none that is not alike."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triagemail.process.model import Issue, State
from triagemail.store import search
from triagemail.store.store import Store

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
QUESTIONS = ("what", "expected", "see", "affected")

# (what it is about, headline, the answers). None of them is similar to one of another kind.
REPORTS = [
    ("site", "Website is down", "Since 9:00 the website shows a 502.|It should load|open www.acme.example|All"),
    ("site", "WEBSITE DOWN!!!", "The whole website is down|that it works|just open it|all"),
    ("site", "Website nicht erreichbar", "Die Website ist seit 9 Uhr weg, 502|Dass sie geht|öffnen|alle Kunden"),
    ("pay", "Checkout is blank", "After clicking pay the checkout page stays blank|The form|cart, checkout|All"),
    ("pay", "Customers cannot pay: empty checkout", "Checkout page is empty in Chrome|The form|cart, checkout|some"),
    ("tax", "Wrong tax on invoice 2026-001", "Invoice shows 19 % tax for books|7 % tax|open the invoice|ACME only"),
    ("tax", "Tax of books on the invoice", "Books have 19 % tax, not 7 %, on every invoice|7 %|Order 4711|ACME"),
    ("csv", "CSV export is slow", "The export of orders takes 10 minutes|seconds|Reports, export, CSV|Finance"),
    ("csv", "Export of orders to CSV hangs", "CSV export never ends|a file|click export in reports|all of finance"),
    ("book", "Export of the address book lacks the country", "Countries are not in the file|a column|sales|they wait"),
    ("sso", "Login does not work for SSO users", "SSO login ends in a loop|logged in|login with Google|all SSO users"),
    ("sso", "Cannot log in with SSO", "After SSO I am sent back to the login page|the dashboard|Google SSO|everyone"),
    ("logo", "Logo is cut off on phones", "The logo is cut off on the right|whole logo|open on iPhone|all, cosmetic"),
    ("dark", "Please add dark mode", "I would like a dark mode|dark mode|settings|nobody is blocked"),
    ("mail", "Password reset mails do not arrive", "No reset mail comes|a mail|reset password|all, no workaround"),
    ("mwst", "Rechnungen haben falsche Mehrwertsteuer", "Auf Rechnungen stehen 19 % statt 7 %|7 %|4711|ein Kunde"),
    ("mwst", "Falsche Mehrwertsteuer für Bücher", "Mehrwertsteuer auf Rechnungen für BÜCHER ist 19 %|7 %|jede|alle"),
    ("anm", "Kunden können sich nicht anmelden", "Nach der Anmeldung kommt eine leere Seite|die Übersicht|anmelden"),
    ("anm", "Anmeldung geht nicht", "Anmeldung endet auf einer leeren Seite|Die Übersicht soll kommen|Anmelden|alle"),
    ("exp", "Datenexport für Müller GmbH dauert zu lange", "Der Datenexport läuft seit Stunden|Minuten|starten"),
    ("fr", "Le paiement ne fonctionne plus", "Le bouton de paiement ne répond pas|payer la commande|panier|tous"),
    ("fr", "Impossible de payer une commande", "Le paiement échoue, le bouton ne REPOND pas|payer|cliquer|tous"),
    ("fact", "Les factures n'arrivent plus", "Les clients ne reçoivent plus leurs factures|un courriel|attendre|tous"),
]
KINDS = [kind for kind, _, _ in REPORTS]


def issue(number: int, headline: str, answers: str = "", **fields: Any) -> Issue:
    given = {key: text for key, text in zip(QUESTIONS, answers.split("|"), strict=False) if text}
    made = Issue(number=number, reporter="bob@acme.example", headline=headline, opened_at=NOW, state=State.TRIAGE)
    return replace(made, answers=given, **fields)


def reported(store: Store) -> list[Issue]:
    """All the reports, open."""
    made = [issue(number, headline, answers) for number, (_, headline, answers) in enumerate(REPORTS, 1)]
    with store.transaction():
        for each in made:
            store.save_issue(each)
    return made


def numbers(found: list[Issue]) -> list[int]:
    return [each.number for each in found]


# --- what is similar -------------------------------------------------------------------------------------------------


def test_similar_issues_are_shown_and_others_are_not(store: Store) -> None:
    """Similar open issues on the triager's screen, in English, German and French; none rather than an unlike one."""
    made = reported(store)
    found = {each.number: [KINDS[n - 1] for n in numbers(search.similar(store, each))] for each in made}
    expected = {each.number: [kind] * (KINDS.count(kind) - 1) for each, kind in zip(made, KINDS, strict=True)}
    assert found == expected


def test_the_first_two_reports_of_a_company_are_not_similar_for_being_reports(store: Store) -> None:
    """Function words and the words of the five questions make nothing alike, however few issues there are."""
    answers = "{} since this morning, customers see an error|It should work|Just open it|All customers, no workaround"
    with store.transaction():
        store.save_issue(issue(1, "The search is very slow", answers.format("The search is slow")))
    assert search.similar(store, issue(2, "The invoices are not there", answers.format("The invoices are gone"))) == []
    assert numbers(search.similar(store, issue(3, "Search slow", answers.format("Search takes minutes")))) == [1]


def test_an_issue_is_wholly_alike_to_one_with_the_same_words(store: Store) -> None:
    """1.0 where both have the same words: the headline's stand in the index twice, and count once."""
    here = issue(1, "Checkout is blank", "The voucher of a basket")
    with store.transaction():
        store.save_issue(here)
    headline, others = search.of(here)
    mine = dict.fromkeys(headline, search.HEADLINE) | dict.fromkeys(others, 1.0)
    found = [search._found(mine.keys(), *row) for row in search._sharing(store, headline, others, 0)]
    worth = search._worth(mine, found, 1)
    length = sum(weight * weight * worth[word] for word, weight in mine.items()) ** 0.5
    assert search._alike(mine, found[0], worth) / length == pytest.approx(1.0)


def test_accents_and_case_are_one(store: Store) -> None:
    """Accents folded, the same on both engines."""
    with store.transaction():
        store.save_issue(issue(1, "Größe der Œuvre-Übersicht bei Łódź"))
    assert numbers(search.similar(store, issue(2, "GROSSE OEUVRE UBERSICHT LODZ"))) == [1]


def test_the_most_alike_come_first_and_three_at_most(store: Store) -> None:
    with store.transaction():
        for number in range(1, 7):
            store.save_issue(issue(number, "Checkout is blank in Safari" if number == 2 else "Checkout is blank"))
    found = numbers(search.similar(store, issue(9, "Checkout is blank in Safari")))
    assert found == [2, 6, 5]
    assert numbers(search.similar(store, issue(9, "Checkout is blank in Safari"), 1)) == [2]


def test_only_live_issues_are_similar_and_never_itself(store: Store) -> None:
    """Only open ones: not itself, none that is closed, no duplicate of it."""
    here = issue(1, "Checkout is blank")
    with store.transaction():
        store.save_issue(here)
        for number, state in enumerate(State, 2):
            store.save_issue(replace(here, number=number, state=state, duplicate_of=1))
    live = [number for number, state in enumerate(State, 2) if replace(here, state=state).live]
    assert numbers(search.similar(store, here, 99)) == live[::-1]
    assert State.DUPLICATE not in [State(found.state) for found in search.similar(store, here, 99)]


def test_of_very_many_the_latest_are_compared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The price of a triage mail does not grow with the backlog."""
    monkeypatch.setattr(search, "CANDIDATES", 4)
    with store.transaction():
        for number in range(1, 10):
            store.save_issue(issue(number, "Checkout is blank" if number < 7 else f"Checkout and thing{number}"))
    assert numbers(search.similar(store, issue(20, "Checkout is blank"), 9))[0] == 6
    assert min(numbers(search.similar(store, issue(20, "Checkout is blank"), 9))) == 6


# --- the words follow the issue --------------------------------------------------------------------------------------


def test_words_follow_the_issue(store: Store) -> None:
    """Headline and answers are kept as they stand, while the issue is live."""
    first = issue(1, "Checkout is blank")
    asked = issue(2, "Checkout is blank")
    changed = replace(first, headline="Basket is empty", answers={"what": "Voucher"})
    with store.transaction():
        store.save_issue(first)
        assert numbers(search.similar(store, asked)) == [1]
        store.save_issue(changed, first)
        assert search.similar(store, asked) == []
        assert numbers(search.similar(store, issue(2, "Voucher and basket"))) == [1]
        closed = replace(changed, state=State.RESOLVED)
        store.save_issue(closed, changed)
        assert search.similar(store, issue(2, "Voucher and basket")) == []
        store.save_issue(replace(closed, state=State.OPEN), closed)
    assert numbers(search.similar(store, issue(2, "Voucher and basket"))) == [1]


def test_what_changes_no_text_costs_the_search_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept only when these texts changed, so that taking mails in stays cheap."""
    first = issue(1, "Checkout is blank")
    store.save_issue(first)
    said: list[str] = []
    real = store.run

    def run(statement: str, *values: Any) -> Any:
        said.append(statement)
        return real(statement, *values)

    monkeypatch.setattr(store, "run", run)
    store.save_issue(replace(first, owner="anna@acme.example"), first)
    ended = replace(first, state=State.RESOLVED)
    store.save_issue(replace(ended, reason="x"), ended)
    assert len(said) == 2
    store.save_issue(ended, first)
    assert len(said) == 4


def test_a_rolled_back_issue_leaves_no_words(store: Store) -> None:
    """One bad mail of a batch is undone alone, its words with it."""
    with store.transaction():
        store.save_issue(issue(1, "Checkout is blank"))
        with pytest.raises(ZeroDivisionError), store.savepoint():  # noqa: PT012
            store.save_issue(issue(2, "Voucher is refused"))
            raise ZeroDivisionError
    assert search._sharing(store, ["checkout", "voucher"], [], 0) == [(1, "checkout blank", "§checkout §blank")]


# --- hostile texts ---------------------------------------------------------------------------------------------------

SYNTAX = [
    '"', "'", "\\", "*", "^", "-", "+", ":", "(", ")", "{", "}", "[", "]", "&", "|", "!", "<->", "<", ">", "%", "?",
    "NEAR(", " AND ", " OR ", " NOT ", "headline:", "rowid", 'c++ "', "'; DROP TABLE search; --", "::tsquery", "_",
    "__a__", "\0", "\ud800", "\udfff", "\u202e", "\u200b", "\ufeff", "\r\n", "\x85", "\u2028", "\x1b[2J", "e\u0301",
    "\u0301" * 50, "ﬁ", "ﷺ", "ẞ", "İ", "ı", "½", "²", "𝔘𝔫𝔦", "🎉", "漢字", "한글", "אֱ", "ไทย", "a" * 100, "é" * 41,
    "1e5", "0x1f", "007", "x.y@z.example",
]  # fmt: skip


def hostile(chance: random.Random) -> str:
    parts = [chance.choice(SYNTAX) for _ in range(chance.randrange(12))]
    parts += [chr(chance.randrange(0x110000)) for _ in range(chance.randrange(12))]
    parts += chance.choices(["website", "down", "is", " ", "-", "Größe"], k=chance.randrange(9))
    chance.shuffle(parts)
    return chance.choice(["", " "]).join(parts)


def test_no_text_breaks_the_search(store: Store) -> None:
    """Raw user input raises in FTS5 (libraries.md D7): 2,000 hostile texts, no exception on either engine."""
    chance = random.Random(7)
    for batch in range(20):
        with store.transaction():
            for number in range(batch * 100, batch * 100 + 100):
                made = issue(number % 25 + 1, hostile(chance), "|".join(hostile(chance) for _ in range(3)))
                search.keep(store, made, None)
                search.similar(store, made)


TEXTS = st.text(max_size=20) | st.sampled_from(["Website down", "größe", "ws-1 down", *SYNTAX])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_both_engines_find_exactly_what_shares_a_word(store: Store, texts: list[tuple[str, str]]) -> None:
    """One function, the same on both engines: found is who has a word of this headline, or in their headline another
    word of this issue; nobody else."""
    made = [issue(number, headline, answer) for number, (headline, answer) in enumerate(texts, 1)]
    with store.transaction():
        store.run("DELETE FROM search")
        for each in made:
            search.keep(store, each, None)
    for each in made:
        mine = search.of(each)
        theirs = {other.number: search.of(other) for other in made if other is not each}
        shares = [n for n, (h, o) in theirs.items() if {*mine[0]} & {*h, *o} or {*mine[1]} & {*h}]
        assert [row[0] for row in search._sharing(store, *mine, each.number)] == shares[::-1]


LONG = {"words": "ab c " * 300_000, "marks": "\u0301" * 500_000, "one word": "é" * 500_000, "ligatures": "ﷺ" * 300_000}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_text_costs_no_more_than_a_short_one(store: Store, text: str) -> None:
    """C6: linear time, each at most 1 s for 1 MB."""
    started = time.process_time()
    search.keep(store, issue(1, text, text), None)
    search.similar(store, issue(2, text, text))
    assert time.process_time() - started < 1
