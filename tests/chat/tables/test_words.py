"""What a question's words ask of a table, and what an answer says of rows that were not read. Pure."""

from dataclasses import replace

import pytest

from chat.engine.asking import asks_a_table
from chat.engine.tables import TableAnswer
from documents.retrieval.types import Passage

ASKS = [
    "How many orders are open?",
    "Wie viele Bestellungen sind offen?",
    "Combien de commandes sont ouvertes ?",
    "¿Cuántos pedidos están abiertos?",
    "Quanti ordini sono aperti?",
    "Quantos pedidos estão abertos?",
    "Qual é a média dos valores?",
    "Hoeveel bestellingen zijn open?",
    "Ile zamówień jest otwartych?",
    "Hur många beställningar är öppna?",
    "Сколько заказов открыто?",
    "Какова общая сумма заказов?",
    "У какого города самый высокий итог?",
    "Скільки замовлень відкрито?",
    "Kaç sipariş açık?",
    "كم عدد الطلبات المفتوحة؟",
    "ما هو المجموع؟",
    "有多少订单未完成？",
    "订单的平均金额是什么？",
    "未完了の注文はいくつですか？",
    "열린 주문은 몇 개입니까?",
    "कितने ऑर्डर खुले हैं?",
]


@pytest.mark.parametrize("question", ASKS)
def test_questions_for_figures_are_known_by_their_words(question):
    assert asks_a_table(question, question)


@pytest.mark.parametrize(
    "question", ["Who manages the branch?", "Why are most of them open?", "谁负责？", "Кто это?"]
)
def test_others_are_not(question):
    assert not asks_a_table(question, question)


def test_a_fragment_asks_what_it_was_completed_to_but_not_what_was_asked_before():
    assert asks_a_table("and in Munich?", "How many orders are in Munich?")
    assert not asks_a_table("And the manager?", "How many orders are in Munich?\nAnd the manager?")


ROWS = Passage(1, 7, "a`b.csv", "city: Rome", 0.5, 0.5, rows=(3, 5))
OTHERS = replace(ROWS, chunk_id=2, rows=(5, 8))
ELSEWHERE = replace(ROWS, chunk_id=3, document_id=8, rows=(1, 90))
WHOLE = replace(ROWS, chunk_id=4, rows=None)


def test_rows_of_the_first_table_are_counted_once():
    read = TableAnswer(rows=1000)
    assert read.below([ROWS, OTHERS, ELSEWHERE]) == "*Read from 6 of 1,000 rows of `a'b.csv`.*"
    assert read.below([WHOLE, ROWS]).endswith("and from the description of the whole table.*")
    asked = TableAnswer(rows=1000, asks=True, hint=" Name the column.")
    assert asked.below([ROWS]) == "*Not computed: read from 3 of 1,000 rows of `a'b.csv`. Name the column.*"


def test_nothing_is_said_where_all_rows_were_read_or_none_are_of_a_table():
    assert TableAnswer(rows=3).below([ROWS]) == ""
    assert TableAnswer(rows=None).below([ROWS]) == ""
    assert TableAnswer(rows=3).below([]) == ""
    computed = TableAnswer(passage=ROWS, ending="*Computed over all 9 rows.*", rows=9)
    assert computed.below([ROWS, OTHERS]) == "*Computed over all 9 rows.*"
