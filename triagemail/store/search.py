"""Similar open issues for the triage mail (process.md 3).

The database finds which live issues share a word with a report; how much the shared words mean is reckoned here. Both
engines are given words that are already folded and told apart, so they find the same and answer alike. No stemming: the
same code reads English, German and French.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, KeysView, Mapping, Sequence, Set
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, Protocol

from triagemail.process.model import LIVE, Issue

TEXT_AT_MOST = 4_000  # characters of an issue that are looked at: a pasted log says nothing more after them
WORD_AT_MOST = 40
HEADLINE_WORDS, FIRST_WORDS, OTHER_WORDS = 20, 5, 40
CANDIDATES = 40  # so many of the live issues that share a word are compared, the latest: a mail has a price
IN_HEADLINE = "§"  # each word of a headline stands in the index once more, marked: a filter by column would read all of
# a common word's issues to learn that none has it there. No word begins so, and FTS5's ascii tokenizer leaves it.
HEADLINE = 2.0  # a word of the headline counts so many times
ALIKE = 0.22  # from here on two issues are shown as similar; 1.0 has the same words
FEW = 50  # so many issues of which nothing is known temper what a handful says about how rare a word is

WORD = re.compile(r"[^\W_]+")
MARKS = re.compile(r"[\u0300-\u036f]+")
LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})

# Words that stand in any report, folded: function words, and those of the five questions and of their usual answers,
# in English, German and French.
_USUAL = """
a about after again all also always am an and any anything are as at be because been before being but by can cannot
could did do does doing done down each else even ever every everything few for from get gets getting go goes going
good got had has have he help her here hi him his how if in into is it its just know last like many me more most
much must my need needs never new no none nor not nothing now of off on one only or other our out over own please
same see seems seen she should since so some someone something still such sure than thank thanks that the their them
then there these they thing this those three through to today too two under until up us use used very via want was
way we week were what when where which while who whole why will with without would yes yesterday yet you your
affected answer broke broken bug click customer customers describe error errors everybody everyone expect expected
fail failed failing fails happen happened happening happens instead issue link open opened opening page people
problem problems report screenshot show shows step steps team try tried trying user users work workaround worked
working works wrong
aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bitte da damit dann
das dass dem den denn der des dich die dies diese diesem diesen dieser dieses doch dort du durch ein eine einem
einen einer eines er es etwas fur ganz geht gibt habe haben hat hatte heute hier ich ihm ihn ihr ihre im immer in
ist ja jede jeden jeder jedes jetzt kann kein keine keinen keiner konnen konnte man mehr mein meine mit muss nach
nicht nichts noch nur ob oder ohne schon sehr sein seine seit seitdem sich sie sind so soll sollte sollten um und
uns unser unsere unter viel viele vom von vor war waren warum was weil wenn wer werden wie wieder wir wird wo wurde
zu zum zur zwei
betroffen defekt erwartet fehler funktioniert kaputt kunde kunden nutzer seite umgehung umweg
a au aucun aucune aussi autre autres aux avec avoir bien bonjour c ca car ce cela ces cet cette ceux chaque chez
comme comment d dans de depuis des deux doit donc du elle elles en encore est et etait ete etre eux faire fait faut
hier il ils j je jour l la le les leur leurs lors lui m ma mais me meme merci mes moi mon n ne nos notre nous on ont
ou par parce pas peu peut peuvent plus plusieurs pour pourquoi qu quand que quel quelle qui quoi rien s sa sans se
ses si son sont sous sur t ta te tous tout toute toutes tres trop tu un une vers vos votre vous y
attendu client clients contournement erreur fonctionne fonctionnent marche ouvrir probleme
"""
USUAL = frozenset(_USUAL.split())


class Statements(Protocol):
    """What of the store is needed here."""

    sqlite: bool

    def run(self, statement: str, *values: Any) -> Any: ...

    def one(self, statement: str, *values: Any) -> Any: ...

    def all(self, statement: str, *values: Any) -> list[Any]: ...

    def issues(self, numbers: Iterable[int]) -> Mapping[int, Issue]: ...


# --- words -----------------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """Lower case without accents: `Größe` and `GROSSE` are one word. No other folding, so no language is assumed."""
    if text.isascii():
        return text.lower()
    return MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold().translate(LETTERS)


def words(text: str) -> tuple[str, ...]:
    """The words that tell one report from another, in order and each once: letters and digits only, so no engine finds
    syntax."""
    return _words(text[:TEXT_AT_MOST])


@lru_cache(maxsize=64)  # a report's are wanted to be kept and again for its triage mail
def _words(text: str) -> tuple[str, ...]:
    found = dict.fromkeys(WORD.findall(fold(text)))
    return tuple(word for word in found if 1 < len(word) <= WORD_AT_MOST and word not in USUAL)


def of(issue: Issue) -> tuple[Sequence[str], Sequence[str]]:
    """(words of the headline, words of the answers that are not in it), each word once. Where the headline has none,
    the first words of the answers stand for it."""
    answers = words(" ".join(issue.answers.values()))
    headline = words(issue.headline)[:HEADLINE_WORDS] or answers[:FIRST_WORDS]
    return headline, [word for word in answers if word not in headline][:OTHER_WORDS]


# --- keeping them ----------------------------------------------------------------------------------------------------


def keep(store: Statements, issue: Issue, before: Issue | None) -> None:
    """After an issue was saved: its words are there while it is live. `before` is what was stored, None when not
    known; most events change no text, and those cost nothing here."""
    if before is not None and _texts(before) == _texts(issue):
        return
    headline, others = of(issue) if issue.live else ([], [])
    marked = [f"{IN_HEADLINE}{word}" for word in headline]
    if not headline and not others:
        store.run(f"DELETE FROM search WHERE {'rowid' if store.sqlite else 'issue'} = ?", issue.number)
    elif store.sqlite:
        store.run(
            "INSERT OR REPLACE INTO search (rowid, headline, words) VALUES (?, ?, ?)",
            issue.number, " ".join(headline), " ".join([*others, *marked]),
        )  # fmt: skip
    else:
        store.run(
            "INSERT INTO search (issue, headline, words, vector) VALUES (?, ?, ?, array_to_tsvector(?))"
            " ON CONFLICT (issue) DO UPDATE"
            " SET headline = excluded.headline, words = excluded.words, vector = excluded.vector",
            issue.number, " ".join(headline), " ".join([*others, *marked]), [*headline, *others, *marked],
        )  # fmt: skip


def _texts(issue: Issue) -> object:
    return (issue.headline, issue.answers) if issue.live else None


# --- finding ---------------------------------------------------------------------------------------------------------


class _Found(NamedTuple):
    """An issue that shares words with mine. A tuple: a triage mail makes many of them."""

    number: int
    in_headline: Set[str]  # the shared words that stand in its headline
    in_answers: Set[str]
    length: float  # of all its words, squared, were each worth 1


def similar(store: Statements, issue: Issue, limit: int = 3) -> list[Issue]:
    """The live issues that say much the same as this one, the most alike first; never itself. Nothing is shown rather
    than what only shares a common word."""
    headline, others = of(issue)
    mine = dict.fromkeys(headline, HEADLINE) | dict.fromkeys(others, 1.0)
    found = [_found(mine.keys(), *row) for row in _sharing(store, headline, others, issue.number)]
    if not found:
        return []
    lowest = found[-1].number if len(found) == CANDIDATES else 0
    worth = _worth(mine, found, _live(store, lowest))
    length = math.sqrt(sum(weight * weight * worth[word] for word, weight in mine.items()))
    ranked = sorted(((_alike(mine, other, worth) / length, other.number) for other in found), reverse=True)
    chosen = [number for alike, number in ranked[:limit] if alike >= ALIKE]
    here = store.issues(chosen)
    return [here[number] for number in chosen if number in here]


def _found(mine: KeysView[str], number: int, headline: str, words: str) -> _Found:
    heads, rest = headline.split(), words.split()
    length = HEADLINE * HEADLINE * len(heads) + len(rest) - len(heads)  # the headline's stand among `words` as well
    return _Found(number, mine & heads, mine & rest, length)


def _sharing(store: Statements, headline: Sequence[str], others: Sequence[str], but: int) -> list[tuple[int, str, str]]:
    """(number, headline words, other words and the headline's marked) of the latest live issues that have a word of
    this headline, or one of the other words in theirs. Who shares less than that is not alike."""
    if not headline and not others:
        return []
    asked = (*headline, *(f"{IN_HEADLINE}{word}" for word in others))
    if store.sqlite:
        query = " OR ".join(f'"{word}"' for word in asked)
        return store.all(
            "SELECT rowid, headline, words FROM search WHERE search MATCH ? AND rowid <> ? ORDER BY rowid DESC LIMIT ?",
            query, but, CANDIDATES,
        )  # fmt: skip
    query = " | ".join(f"'{word}'" for word in asked)
    return store.all(
        "SELECT issue, headline, words FROM search WHERE vector @@ CAST(? AS TSQUERY) AND issue <> ?"
        " ORDER BY issue DESC LIMIT ?",
        query, but, CANDIDATES,
    )  # fmt: skip


def _live(store: Statements, lowest: int) -> int:
    """How many issues are live, from that number on: what the rarity of a word is measured against."""
    marks = ", ".join("?" for _ in LIVE)
    row = store.one(f"SELECT COUNT(*) FROM issue WHERE state IN ({marks}) AND number >= ?", *map(str, LIVE), lowest)
    return int(row[0])


def _worth(mine: Mapping[str, float], found: Sequence[_Found], live: int) -> dict[str, float]:
    """What each of my words counts: much when few live issues have it. "" is any word that I have not."""
    had_by = Counter(chain.from_iterable(words for other in found for words in (other.in_headline, other.in_answers)))
    worth = {word: math.log((FEW + live) / (1 + had_by[word])) ** 2 for word in mine}
    return worth | {"": math.log((FEW + live) / 2) ** 2}


def _alike(mine: Mapping[str, float], other: _Found, worth: Mapping[str, float]) -> float:
    """How much of the other issue is mine, each word by its worth; by my own length it is the cosine of the two: 1.0
    where both have the same words."""
    shared, any_word = 0.0, worth[""]
    length = other.length * any_word
    for weight, words in ((HEADLINE, other.in_headline), (1.0, other.in_answers)):
        for word in words:
            shared += mine[word] * weight * worth[word]
            length += weight * weight * (worth[word] - any_word)
    return shared / math.sqrt(length)
