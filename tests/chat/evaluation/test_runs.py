"""A run from its beginning to its end: measures, settings, leases, faults."""

from datetime import timedelta

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from chat.evaluation import runner, runs, selectors, services
from chat.evaluation.runs import Trial
from chat.models import ChatSession, EvaluationRun, Message, RunStatus
from config.errors import ErrorCode, VerbatimError
from documents.ingestion import lease
from tests.chat.evaluation.conftest import LEAVE, NOWHERE, at


@pytest.fixture
def run_with(admin, collection, questions):
    """A function: settings to try -> the run, worked off here."""

    def make(**tried) -> EvaluationRun:
        run = runs.run_create(actor=admin, collection=collection, trial=Trial(**tried), ring_worker=False)
        assert runner.run_work(run_id=run.pk) is False
        run.refresh_from_db()
        return run

    return make


def verdicts(run: EvaluationRun) -> list[str]:
    return list(run.results.order_by("index").values_list("verdict", flat=True))


def test_a_run_measures_retrieval_and_refusals(run_with):
    run = run_with()
    assert run.status == RunStatus.COMPLETED
    assert (run.questions_done, run.questions_total) == (4, 4)
    assert verdicts(run) == ["right", "right", "right", "wrong"]
    first, _, nowhere, missed = run.results.order_by("index")
    assert (first.rank, first.recall, first.refused) == (1, 1.0, False)
    assert first.found[0]["fits"] is True
    assert first.found[0]["document_name"] == "handbook.txt"
    assert (nowhere.rank, nowhere.recall, nowhere.refused) == (None, None, True)
    assert (missed.rank, missed.recall) == (None, 0.0)
    assert run.metrics["recall_at_k"] == pytest.approx(2 / 3, abs=1e-5)
    assert run.metrics["refusal_accuracy"] == 1.0
    assert run.metrics["citation_precision"] is None
    assert run.metrics["search_ms_p50"] > 0


def test_what_was_in_force_is_stored_and_what_is_tried_marked(run_with, collection):
    run = run_with(top_k=2, similarity_threshold=0.9)
    assert run.settings["top_k"] == 2
    assert run.settings["tried"] == ["top_k", "similarity_threshold"]
    assert run.settings["answer_mode"] == "strict"
    assert (run.settings["documents"], run.settings["chunks"]) == (1, 3)
    collection.refresh_from_db()
    assert (collection.top_k, collection.similarity_threshold) == (5, 0.3), "the model is left as it is"


def test_another_threshold_refuses_what_the_models_own_lets_through(run_with, collection):
    collection.similarity_threshold = 0.1
    collection.save()
    lax, strict = run_with(), run_with(similarity_threshold=1.0)
    assert lax.metrics["answerable_refused"] == 0
    assert strict.metrics["answerable_refused"] > 0


def test_fewer_passages_are_recalled_from_and_ten_are_ranked(run_with):
    """`rank` tells where the passage stands beyond top_k as well; recall is at top_k."""
    run = run_with(top_k=1, similarity_threshold=0.0)
    found = run.results.get(index=0).found
    assert len(found) > 1


def test_answers_of_the_extractive_provider_are_written_checked_and_in_no_chat(run_with):
    run = run_with(answers=True)
    first, _, nowhere, _ = run.results.order_by("index")
    assert "25 days of annual leave" in first.answer
    assert (first.citations, first.supported) == (1, 1)
    assert nowhere.refused is True
    assert nowhere.citations == 0
    assert run.metrics["citation_precision"] == 1.0
    assert run.metrics["answer_ms_p50"] > 0
    assert (ChatSession.objects.count(), Message.objects.count()) == (0, 0)


def test_an_llm_that_does_not_answer_ends_the_run_with_its_reason(run_with, collection, llm_server):
    collection.llm_provider, collection.llm_model_name = "custom", "401"
    collection.llm_base_url = llm_server.url
    collection.save()
    run = run_with(answers=True, answer_mode="assist")
    assert run.status == RunStatus.FAILED
    assert run.error_code.startswith("llm_")
    assert run.questions_done == runner.SAME_FAULT, "the others would have failed too"


@pytest.mark.parametrize(
    ("said", "refused"), [("The passages do not say.", True), ("It was West Germany in 1954.", False)]
)
def test_what_an_llm_says_instead_of_an_answer_counts_as_refused(run_with, llm, said, refused):
    """And what it claims without citing does not, however short."""
    llm.script = [said]
    result = run_with(answers=True, similarity_threshold=0.0).results.get(question=LEAVE.question)
    assert (result.refused, result.citations) == (refused, 0)
    assert ("`handbook.txt`" in result.answer) is refused


def begun(admin, collection, **fields) -> EvaluationRun:
    run = runs.run_create(actor=admin, collection=collection, trial=Trial(), ring_worker=False)
    EvaluationRun.objects.filter(pk=run.pk).update(**fields)
    run.refresh_from_db()
    return run


def test_a_slice_ends_and_the_next_goes_on_where_it_stopped(admin, collection, questions):
    run = begun(admin, collection)
    assert runner.run_work(run_id=run.pk, seconds=0) is True
    run.refresh_from_db()
    assert (run.status, run.lease_owner, run.lease_until) == (RunStatus.RUNNING, "", None)
    assert runner.run_work(run_id=run.pk) is False
    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED


def test_what_somebody_else_holds_is_left_alone(admin, collection, questions):
    run = begun(admin, collection, lease_owner="other", lease_until=timezone.now() + timedelta(seconds=60))
    assert runner.run_work(run_id=run.pk) is False
    run.refresh_from_db()
    assert (run.questions_done, run.lease_owner) == (0, "other")


def test_the_sweeper_gives_away_what_a_dead_process_held(admin, collection, questions):
    dead = lease.new_owner().replace(f":{__import__('os').getpid()}:", ":4194304:")
    until = timezone.now() + timedelta(seconds=60)
    run = begun(admin, collection, status=RunStatus.RUNNING, lease_owner=dead, lease_until=until, attempts=1)
    held = begun(admin, collection, status="running", lease_owner="far:1:1:1.x", lease_until=until)
    assert [one.pk for one in runner.runs_sweep()] == [run.pk]
    assert runner.run_work(run_id=run.pk) is False
    run.refresh_from_db()
    assert (run.status, run.questions_done) == (RunStatus.COMPLETED, 4)
    held.refresh_from_db()
    assert held.lease_owner == "far:1:1:1.x"


def test_a_question_that_kills_its_worker_again_and_again_ends_the_run(admin, collection, questions):
    past = timezone.now() - timedelta(seconds=1)
    run = begun(
        admin,
        collection,
        status="running",
        lease_owner="far:1:1:1.x",
        lease_until=past,
        attempts=lease.MAX_ATTEMPTS,
    )
    assert runner.runs_sweep() == []
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, ErrorCode.WORKER_LOST)
    assert run.error_next_step


def test_a_fault_of_ours_frees_the_run_and_in_the_end_fails_it(admin, collection, questions, monkeypatch):
    run = begun(admin, collection)

    def fault(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(runner, "_ask", fault)
    for _ in range(lease.MAX_ATTEMPTS):
        assert [one.pk for one in runner.runs_sweep()] in ([], [run.pk])
        with pytest.raises(ZeroDivisionError):
            runner.run_work(run_id=run.pk)
    assert runner.runs_sweep() == []
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, ErrorCode.PROCESSING_FAILED)


def test_an_outage_of_the_database_says_nothing_about_the_run(admin, collection, questions, monkeypatch):
    run = begun(admin, collection)

    def outage(*args):
        raise OperationalError("the connection is closed") from psycopg.OperationalError()

    monkeypatch.setattr(runner, "_ask", outage)
    for _ in range(lease.MAX_ATTEMPTS):
        with pytest.raises(OperationalError):
            runner.run_work(run_id=run.pk)
    assert [one.pk for one in runner.runs_sweep()] == [run.pk]
    monkeypatch.undo()
    runner.run_work(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED


def test_progress_forgives_earlier_attempts(admin, collection, questions):
    run = begun(admin, collection, attempts=2)
    runner.run_work(run_id=run.pk)
    run.refresh_from_db()
    assert run.attempts == 0


def test_a_run_that_is_cancelled_meanwhile_stores_nothing_more(admin, collection, questions, monkeypatch):
    run = begun(admin, collection)
    ask = runner._ask

    def cancel_then_ask(*args):
        runs.run_cancel(actor=admin, run=EvaluationRun.objects.get(pk=run.pk))
        ask(*args)

    monkeypatch.setattr(runner, "_ask", cancel_then_ask)
    assert runner.run_work(run_id=run.pk) is False
    run.refresh_from_db()
    assert (run.status, run.questions_done) == (RunStatus.CANCELLED, 0)
    assert run.results.filter(done=True).count() == 0


def test_a_run_of_somebody_who_lost_the_right_fails(admin, collection, questions):
    run = begun(admin, collection)
    admin.role = "user"
    admin.save()
    runner.run_work(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, ErrorCode.ACCESS_REVOKED)


def test_a_deleted_question_and_a_deleted_document_leave_the_run_whole(
    admin, collection, questions, handbook
):
    run = begun(admin, collection)
    services.question_delete(actor=admin, question=questions[0])
    handbook.delete()
    place = questions[1].places.get()
    assert (place.document_id, place.document_name) == (None, "handbook.txt")
    runner.run_work(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.questions_done) == (RunStatus.COMPLETED, 4)


def test_without_questions_there_is_no_run(admin, collection):
    with pytest.raises(VerbatimError) as refusal:
        runs.run_create(actor=admin, collection=collection, trial=Trial())
    assert "no test questions" in refusal.value.message


def test_too_many_runs_at_once_are_refused(admin, collection, questions):
    for _ in range(runs.MAX_OPEN_RUNS):
        begun(admin, collection)
    with pytest.raises(VerbatimError) as refusal:
        begun(admin, collection)
    assert refusal.value.code == ErrorCode.CONFLICT


def test_the_oldest_ended_runs_make_room_and_open_ones_stay(admin, collection, questions, monkeypatch):
    monkeypatch.setattr(runs, "MAX_ENDED_RUNS", 2)
    waits, *ended = [begun(admin, collection) for _ in range(4)]
    for run in ended:
        runs.run_cancel(actor=admin, run=run)
    newest = begun(admin, collection)
    kept = set(EvaluationRun.objects.values_list("pk", flat=True))
    assert kept == {waits.pk, ended[1].pk, ended[2].pk, newest.pk}


def test_two_runs_are_compared_question_by_question(run_with, admin, collection, questions):
    base = run_with(similarity_threshold=0.0)
    services.question_delete(actor=admin, question=questions[1])
    other = run_with(similarity_threshold=1.0)
    pairs = {
        pair.base.question if pair.base else pair.other.question: pair
        for pair in selectors.compared(base, other)
    }
    assert pairs[NOWHERE.question].change == "better"
    assert pairs[questions[1].question].change == "only_base"
    found = selectors.counts(pairs.values())
    assert sum(found.values()) == 4
    assert selectors.settings_apart(base, other) == {"similarity_threshold": [0.0, 1.0]}
    assert {pair.change for pair in selectors.compared(base, base)} == {"same"}


def test_the_command_runs_and_compares(superadmin, collection, questions, capsys):
    call_command("evaluate", model="Handbook")
    first = EvaluationRun.objects.get()
    out = capsys.readouterr().out
    assert "recall@5" in out
    assert "0.667" in out
    call_command("evaluate", model=str(collection.pk), compare=first.pk, top_k=1, answers=True)
    out = capsys.readouterr().out
    assert f"run {first.pk}" in out
    assert "top_k: 5 -> 1" in out
    assert " the same" in out
    assert EvaluationRun.objects.filter(status="completed").count() == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "No such"}, "manages no model"),
        ({"model": "Handbook", "top_k": 99}, "top_k"),
        ({"model": "Handbook", "compare": 999}, "nothing here"),
        ({"model": "Handbook", "email": "nobody@example.com"}, "no active user"),
    ],
)
def test_the_command_says_what_is_wrong(superadmin, questions, options, said):
    with pytest.raises(CommandError, match=said) as refusal:
        call_command("evaluate", **options)
    assert refusal.value.returncode == 2
    assert not EvaluationRun.objects.exists()


def test_the_first_question_is_found_by_its_passage(run_with):
    """The passage alone is an expectation: no document was named."""
    result = run_with().results.get(question=LEAVE.question)
    assert (result.expected[0]["document_id"], result.rank) == (None, 1)


def test_each_of_several_places_counts_as_found(admin, collection, handbook):
    """One is found, one is nowhere: the question is right, its recall half."""
    wanted = at(
        LEAVE.question, {"passage": "words that stand nowhere at all"}, {"document_name": "handbook.txt"}
    )
    services.question_create(actor=admin, collection=collection, wanted=wanted)
    run = begun(admin, collection)
    runner.run_work(run_id=run.pk)
    result = run.results.get()
    assert (result.ranks, result.rank, result.recall, result.verdict) == ([None, 1], 1, 0.5, "right")
    assert [one["document_name"] for one in result.expected] == ["", "handbook.txt"]
    run.refresh_from_db()
    assert (run.metrics["recall_at_k"], run.metrics["mrr"]) == (0.5, 1.0)
    assert 0.6 < run.metrics["ndcg_at_10"] < 0.62, "1 / (1 + 1 / log2(3))"
