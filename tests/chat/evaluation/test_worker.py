"""Runs in a real worker: to the end, and over its death."""

import time
from types import SimpleNamespace

import pytest
from celery import current_app

from chat import tasks
from chat.evaluation import intake, runner, runs, services
from chat.evaluation.rules import Wanted
from chat.models import EvaluationRun, RunStatus
from documents import tasks as document_tasks
from tests.chat.evaluation.conftest import at


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_done(run: EvaluationRun) -> bool:
    run.refresh_from_db()
    return run.status not in (RunStatus.QUEUED, RunStatus.RUNNING)


@pytest.fixture
def many(passages, admin, collection) -> None:
    """Enough questions to be interrupted in their middle."""
    lines = [(n, at(f"How many days of leave, question {n}?", {"passage": "25 days"})) for n in range(400)]
    intake.questions_import(actor=admin, collection=collection, lines=lines)


def test_a_run_that_is_begun_over_the_api_ends(celery_worker, passages, admin, collection, client_for):
    services.question_create(
        actor=admin, collection=collection, wanted=at("How many days of leave?", {"passage": "25 days"})
    )
    answer = client_for(admin).post(
        f"/api/models/{collection.pk}/evaluation/runs", {"answers": True}, format="json"
    )
    run = EvaluationRun.objects.get(pk=answer.json()["id"])
    wait_for(lambda: is_done(run))
    assert (run.status, run.questions_done) == (RunStatus.COMPLETED, 1)
    assert run.metrics["recall_at_k"] == 1.0


@pytest.mark.parametrize(
    ("provider", "answers", "queue"),
    [("extractive", True, None), ("ollama", False, None), ("ollama", True, "llm")],
)
def test_who_asks_an_llm_waits_for_a_worker_that_may_call_out(
    passages, admin, collection, monkeypatch, provider, answers, queue
):
    rung = []
    monkeypatch.setattr(tasks.run_evaluation, "apply_async", lambda **options: rung.append(options["queue"]))
    collection.llm_provider, collection.llm_model_name = provider, "ok"
    collection.save()
    services.question_create(actor=admin, collection=collection, wanted=Wanted("Who?", answerable=False))
    runs.run_create(actor=admin, collection=collection, trial=runs.Trial(answers=answers))
    assert rung == [queue]


def test_a_run_that_asks_an_llm_ends(celery_worker, passages, admin, collection, llm_server):
    collection.llm_provider, collection.llm_model_name = "custom", "ok"
    collection.llm_base_url = f"{llm_server.url}/v1"
    collection.save()
    wanted = at("How many days of leave?", {"passage": "25 days"})
    services.question_create(actor=admin, collection=collection, wanted=wanted)
    run = runs.run_create(actor=admin, collection=collection, trial=runs.Trial(answers=True))
    wait_for(lambda: is_done(run))
    assert run.status == RunStatus.COMPLETED, run.error_message
    result = run.results.get()
    assert result.answer, result.error_message


def test_kill_9_in_the_middle_costs_no_question_and_asks_none_twice(celery_worker, many, admin, collection):
    run = runs.run_create(actor=admin, collection=collection, trial=runs.Trial())
    wait_for(lambda: run.results.filter(done=True).count() >= 5)
    celery_worker.kill()
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    before = dict(run.results.filter(done=True).values_list("index", "search_ms"))
    assert len(before) < 400
    wait_for(lambda: [idle.pk for idle in runner.runs_sweep()] == [run.pk], 90)
    celery_worker.start()
    tasks.sweep_evaluations()
    wait_for(lambda: is_done(run), 120)
    assert (run.status, run.questions_done) == (RunStatus.COMPLETED, 400)
    after = dict(run.results.filter(done=True).values_list("index", "search_ms"))
    assert len(after) == 400
    assert {index: after[index] for index in before} == before


@pytest.mark.parametrize(("queues", "counted"), [(["llm"], False), (["celery", "llm"], True)])
def test_only_workers_that_read_files_say_that_documents_have_one(monkeypatch, queues, counted):
    started = []
    monkeypatch.setattr(
        document_tasks.threading,
        "Thread",
        lambda **options: SimpleNamespace(start=lambda: started.append(options)),
    )
    app = SimpleNamespace(
        conf=current_app.conf,
        amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues))),
    )
    document_tasks._start_heartbeat(sender=SimpleNamespace(app=app))
    assert bool(started) is counted
