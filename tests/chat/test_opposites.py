"""Single words that turn a sentence round, and periods: what contradicts its passage, and what does not."""

import pytest

from chat.engine.citations import check
from documents.retrieval.types import Passage


def why(sentence, content):
    """Why the one sentence is not supported by the one passage; "" when it is, or shares few of its words."""
    source = Passage(
        chunk_id=1,
        document_id=1,
        document_name="handbook.pdf",
        content=content,
        similarity_score=0.6,
        score=0.03,
    )
    (checked,) = check(f"{sentence} [1].", [source])
    return checked.why.replace("words", "")


HOLIDAY = "Employees receive 26 days of paid holiday per year."


@pytest.mark.parametrize(
    ("sentence", "content", "reason"),
    [
        ("Employees receive 26 days of unpaid holiday per year", HOLIDAY, "negation"),
        ("Employees receive 26 days of non-paid holiday per year", HOLIDAY, "negation"),
        ("Tickets are refundable after 3 May", "Tickets are non-refundable after 3 May.", "negation"),
        (
            "Inactive accounts are checked after 90 days",
            "Active accounts are checked after 90 days.",
            "negation",
        ),
        ("Der Urlaub von 10 Tagen ist bezahlt", "Der Urlaub von 10 Tagen ist unbezahlt.", "negation"),
        ("Unpaid invoices bear interest", "Invoices that are not paid bear interest.", ""),
        ("Paid and unpaid leave count", "Paid leave counts. Unpaid leave counts too.", ""),
        ("The form informs the members", "The members get a form that tells them more.", ""),
        ("Employees receive 26 days of paid holiday per month", HOLIDAY, "number"),
        ("Members pay 20 euros a week", "Members pay 20 euros each quarter.", "number"),
        ("Employees receive 26 days of paid holiday annually", HOLIDAY, ""),
        ("Staff accrue 2 days of annual leave per month", "Staff accrue two days of leave per month.", ""),
        ("Die monatliche Miete beträgt 900 Euro", "Die Miete beträgt 900 Euro pro Monat.", ""),
        # "an" is a year in French only
        (
            "Members pay 20 euros per year for an account",
            "Members pay 20 euros each month for an account.",
            "number",
        ),
        (
            "Die Mitglieder zahlen jährlich 20 Euro an den Verein",
            "Die Mitglieder zahlen monatlich 20 Euro an den Verein.",
            "number",
        ),
        ("Les membres paient 20 euros par an", "Les membres paient 20 euros par mois.", "number"),
        ("Les membres paient 20 euros par mois", "Les membres paient 20 euros par an.", "number"),
        ("Les membres paient 20 euros annuels", "Les membres paient 20 euros par an.", ""),
        ("Les membres paient 20 euros par an", "Les membres paient 20 euros tous les ans.", ""),
    ],
)
def test_a_turned_word_and_another_period_are_not_supported(sentence, content, reason):
    assert why(sentence, content) == reason


@pytest.mark.parametrize(
    ("sentence", "content", "reason"),
    [
        (
            "Cancelling after 14 days is impossible",
            "Cancelling is possible up to 14 days after delivery.",
            "",
        ),
        (
            "Cancelling is impossible up to 14 days after delivery",
            "Cancelling is possible up to 14 days after delivery.",
            "negation",
        ),
        ("Tickets are non-refundable after 3 May", "Tickets are refundable until 3 May.", ""),
        (
            "Tickets are non-refundable till 3 May",
            "Tickets are refundable until 3 May.",
            "negation",
        ),
        (
            "Der Vertrag ist nach 14 Tagen unkündbar",
            "Der Vertrag ist nur in den ersten 14 Tagen kündbar.",
            "",
        ),
        (
            "Der Vertrag ist in den ersten 14 Tagen unkündbar",
            "Der Vertrag ist in den ersten 14 Tagen kündbar.",
            "negation",
        ),
        (
            "Après 14 jours l'annulation est impossible",
            "L'annulation est possible pendant les 14 premiers jours.",
            "",
        ),
        (
            "Después de 14 días la cancelación es imposible",
            "La cancelación es posible hasta 14 días después de la entrega.",
            "",
        ),
    ],
)
def test_beyond_the_bounds_of_a_statement_its_opposite_is_no_contradiction(sentence, content, reason):
    assert why(sentence, content) == reason


@pytest.mark.parametrize(
    ("sentence", "content"),
    [
        ("Immigrant workers need a permit", "Migrant workers need a permit."),
        ("Migrant workers need a permit", "Immigrant workers need a permit."),
        ("Invaluable help came from 3 donors", "Valuable help came from 3 donors."),
        ("Inflammable goods need a label", "Flammable goods need a label."),
        ("C'est un point important du contrat", "C'est un point portant sur le contrat."),
    ],
)
def test_words_that_only_look_turned_are_no_opposites(sentence, content):
    assert why(sentence, content) == ""
