"""Test questions and runs over the API, as the page uses it."""

import csv
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.evaluation import exchange, intake, runner, runs, services
from chat.models import ChatSession, EvaluationPlace, EvaluationRun
from collections_app.models import Collection
from tests.chat.conftest import TEXTS, add_document
from tests.chat.evaluation.conftest import HOTEL

FITTING = {"question": "q", "places": [{"passage": "x"}]}


@pytest.fixture
def api(client_for, admin):
    return client_for(admin)


@pytest.fixture
def path(collection) -> str:
    return f"/api/models/{collection.pk}/evaluation"


def send_file(api, path, content: str | bytes, name="questions.csv"):
    data = content if isinstance(content, bytes) else content.encode()
    return api.post(f"{path}/questions/import", {"file": SimpleUploadedFile(name, data)}, format="multipart")


def test_a_question_is_added_changed_and_deleted(api, path, handbook):
    body = {
        "question": " How long is the leave? ",
        "places": [{"document_name": "HANDBOOK.txt", "passage": "25 days"}],
    }
    made = api.post(f"{path}/questions", body, format="json")
    assert made.status_code == 201, made.content
    one = made.json()
    place = {"document_id": handbook.pk, "document_name": "handbook.txt", "page": None, "passage": "25 days"}
    assert (one["question"], one["places"]) == ("How long is the leave?", [place])
    both = [place, {"passage": "annual leave"}]
    changed = api.patch(f"{path}/questions/{one['id']}", {"places": both}, format="json").json()
    assert [found["passage"] for found in changed["places"]] == ["25 days", "annual leave"]
    changed = api.patch(f"{path}/questions/{one['id']}", {"question": "How long?"}, format="json").json()
    assert (changed["question"], len(changed["places"])) == ("How long?", 2)
    changed = api.patch(f"{path}/questions/{one['id']}", {"answerable": False}, format="json").json()
    assert (changed["answerable"], changed["places"]) == (False, [])
    assert api.delete(f"{path}/questions/{one['id']}").status_code == 204
    assert api.get(f"{path}/questions").json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": "  ", "places": [{"passage": "x"}]}, "question"),
        ({"question": "q"}, "places"),
        ({"question": "q", "answerable": False, "places": [{"passage": "x"}]}, "answerable"),
        ({"question": "q", "places": [{"passage": "x"}] * 21}, "places"),
    ],
)
def test_what_is_not_right_is_said_by_field(api, path, handbook, body, field):
    answer = api.post(f"{path}/questions", body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({}, "passage"),
        ({"page": 3}, "document_name"),
        ({"document_name": "nothing.pdf"}, "document_name"),
        ({"document_id": 999_999}, "document_id"),
        ({"document_name": "handbook.txt", "page": 0}, "page"),
        ({"passage": "x" * 5000}, "passage"),
    ],
)
def test_what_is_not_right_about_a_place_is_said_at_that_place(api, path, handbook, place, field):
    body = {"question": "q", "places": [{"passage": "x"}, place]}
    details = api.post(f"{path}/questions", body, format="json").json()["error"]["details"]
    assert list(details["places"]) == ["1"]
    assert list(details["places"]["1"]) == [field]


def test_a_page_beyond_the_documents_last_is_refused(api, path, handbook):
    handbook.page_count = 3
    handbook.save()
    body = {"question": "q", "places": [{"document_name": "handbook.txt", "page": 4}]}
    details = api.post(f"{path}/questions", body, format="json").json()["error"]["details"]
    assert details["places"] == {"0": {"page": ["The document has 3 pages."]}}


def test_a_place_whose_document_is_gone_may_stay(api, path, questions, handbook):
    handbook.delete()
    (one,) = api.get(f"{path}/questions?search={HOTEL.question}").json()["results"]
    assert one["places"][0]["document_id"] is None
    both = [*one["places"], {"passage": "a hotel at most"}]
    answer = api.patch(f"{path}/questions/{one['id']}", {"places": both}, format="json")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["places"]) == 2


def test_the_same_question_twice_is_refused(api, path, questions):
    body = {"question": HOTEL.question, "places": [{"passage": "x"}]}
    answer = api.post(f"{path}/questions", body, format="json")
    assert answer.json()["error"]["details"]["question"] == ["This question is there already."]


def test_a_tried_question_is_kept_and_takes_more_places_later(api, path, handbook):
    place = {"document_id": handbook.pk, "passage": "25 days of annual leave"}
    body = {"question": "How long is the leave?", "places": [place]}
    made = api.post(f"{path}/questions/keep", body, format="json")
    assert (made.status_code, made.json()["places_added"]) == (201, None)
    again = api.post(f"{path}/questions/keep", body, format="json")
    assert (again.status_code, again.json()["places_added"]) == (200, 0)
    body["places"] = [place, {"document_id": handbook.pk, "passage": "120 euros"}]
    more = api.post(f"{path}/questions/keep", body, format="json").json()
    assert more["places_added"] == 1
    assert [one["passage"] for one in more["question"]["places"]] == ["25 days of annual leave", "120 euros"]
    assert api.get(f"{path}/questions").json()["count"] == 1


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ({"answerable": False}, {"places": [{"passage": "x"}]}, "do not answer"),
        ({"places": [{"passage": "x"}]}, {"answerable": False}, "with places"),
    ],
)
def test_a_kept_question_is_not_turned_into_its_opposite(api, path, collection, first, then, said):
    api.post(f"{path}/questions/keep", {"question": "q"} | first, format="json")
    answer = api.post(f"{path}/questions/keep", {"question": "q"} | then, format="json")
    assert answer.status_code == 409
    assert said in answer.json()["error"]["message"]
    assert "Evaluate" in answer.json()["error"]["details"]["next_step"]


def test_a_chats_own_file_is_no_place(api, path, admin, collection):
    session = ChatSession.objects.create(user=admin, collection=collection)
    document = add_document(collection, admin, "mine.txt", TEXTS, session_id=session.pk)
    body = {"question": "q", "places": [{"document_id": document.pk, "passage": "x"}]}
    answer = api.post(f"{path}/questions/keep", body, format="json")
    assert answer.status_code == 400
    assert "model's own" in answer.json()["error"]["details"]["places"]["0"]["document_id"][0]


def test_another_models_question_and_run_are_not_found(api, admin, path, collection, questions):
    run = runs.run_create(actor=admin, collection=collection, trial=runs.Trial(), ring_worker=False)
    other = Collection.objects.create(name="Other", embedding_model="m", embedding_dimension=384)
    elsewhere = path.replace(str(collection.pk), str(other.pk))
    for address in (f"questions/{questions[0].pk}", f"runs/{run.pk}", f"runs/{run.pk}/results"):
        assert api.get(f"{path}/{address}").status_code == 200
        assert api.get(f"{elsewhere}/{address}").status_code == 404
    assert api.get(f"{elsewhere}/compare?base={run.pk}&other={run.pk}").status_code == 404


def test_a_file_is_taken_line_by_line(api, path, questions, handbook):
    content = (
        "question,answerable,document,page,passage\n"
        f"{HOTEL.question},yes,handbook.txt,,120 euros per night\n"  # there already: changed
        "Who won the football world cup of 1954?,no,,,\n"  # there already: the same
        "Where?,yes,handbook.txt,,\n"
        "Whence?,yes,unknown.pdf,2,\n"
        "What?,,,,\n"
        "Where?,yes,handbook.txt,,\n"
    )
    answer = send_file(api, path, content)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["added"], told["updated"], told["unchanged"]) == (2, 1, 1)
    assert [one["line"] for one in told["refused"]] == [6, 7]
    assert "line 4" in told["refused"][1]["message"]
    assert [one["line"] for one in told["warnings"]] == [5]
    place = EvaluationPlace.objects.get
    assert place(question__question="Where?").document_id == handbook.pk
    assert place(question__question="Whence?").document_name == "unknown.pdf"
    assert place(question__question=HOTEL.question).passage == "120 euros per night"


def test_lines_of_one_question_are_its_places(api, path, questions, handbook):
    content = (
        "question,answerable,document,page,passage\n"
        "Where?,yes,handbook.txt,,\n"
        f"{HOTEL.question},yes,,,120 euros\n"
        "Where?,yes,,,in the old mill\n"
        "Where?,no,,,\n"
        "Who?,no,,,\n"
        "Who?,no,,,\n"
        f"{HOTEL.question},yes,handbook.txt,,120 euros\n"
    )
    told = send_file(api, path, content).json()
    assert (told["added"], told["updated"], told["unchanged"]) == (2, 1, 0)
    assert [one["line"] for one in told["refused"]] == [5, 7]
    assert "contradicts line 2" in told["refused"][0]["message"]
    found = api.get(f"{path}/questions?search=Where").json()["results"][0]["places"]
    assert [(one["document_name"], one["passage"]) for one in found] == [
        ("handbook.txt", ""),
        ("", "in the old mill"),
    ]
    again = send_file(api, path, content).json()
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 3)


def test_a_file_that_is_too_large_or_none_is_refused(api, path, collection, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_BYTES", 10)
    assert send_file(api, path, "x" * 11).status_code == 413
    assert api.post(f"{path}/questions/import", {}, format="multipart").status_code == 400
    assert send_file(api, path, b"").status_code == 400


def test_no_more_questions_than_allowed(api, path, questions, monkeypatch):
    monkeypatch.setattr(services, "MAX_QUESTIONS", 5)
    monkeypatch.setattr(intake, "MAX_QUESTIONS", 5)
    told = send_file(api, path, "question,passage\none,x\ntwo,x\n").json()
    assert (told["added"], [one["line"] for one in told["refused"]]) == (1, [3])
    assert api.post(f"{path}/questions", FITTING, format="json").status_code == 409


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_is_imported_again_without_a_change(api, path, questions, form):
    answer = api.get(f"{path}/questions/export?format={form}")
    assert answer["Content-Disposition"].endswith(f'.{form}"')
    told = send_file(api, path, b"".join(answer.streaming_content), f"q.{form}").json()
    assert (told["added"], told["updated"], told["unchanged"], told["refused"]) == (0, 0, 4, [])


def test_a_run_is_begun_watched_read_exported_and_deleted(api, path, questions):
    begun = api.post(f"{path}/runs", {"top_k": 3, "label": "three", "answers": True}, format="json")
    assert begun.status_code == 202, begun.content
    run = begun.json()
    assert (run["status"], run["questions_total"], run["settings"]["tried"]) == ("queued", 4, ["top_k"])
    runner.run_work(run_id=run["id"])
    done = api.get(f"{path}/runs/{run['id']}").json()
    assert (done["status"], done["questions_done"], done["error"]) == ("completed", 4, None)
    assert done["metrics"]["k"] == 3
    assert done["created_by"] == "Ada Admin"
    wrong = api.get(f"{path}/runs/{run['id']}/results?verdict=wrong").json()
    assert wrong["count"] == 1
    assert wrong["results"][0]["expected"][0]["passage"].startswith("a sentence")
    rows = list(
        csv.DictReader(
            io.StringIO(b"".join(api.get(f"{path}/runs/{run['id']}/export").streaming_content).decode())
        )
    )
    assert [row["verdict"] for row in rows] == ["right", "right", "right", "wrong"]
    assert api.get(f"{path}/runs").json()["results"][0]["label"] == "three"
    assert api.delete(f"{path}/runs/{run['id']}").status_code == 204
    assert not EvaluationRun.objects.exists()


def test_a_waiting_run_is_cancelled_and_stays_so(api, path, questions):
    run = api.post(f"{path}/runs", {}, format="json").json()
    assert api.post(f"{path}/runs/{run['id']}/cancel").json()["status"] == "cancelled"
    assert runner.run_work(run_id=run["id"]) is False
    assert api.post(f"{path}/runs/{run['id']}/cancel").json()["status"] == "cancelled"
    assert api.get(f"{path}/runs/{run['id']}").json()["questions_done"] == 0


@pytest.mark.parametrize(
    "body", [{"top_k": 0}, {"top_k": 51}, {"similarity_threshold": 1.5}, {"answer_mode": "wild"}]
)
def test_settings_out_of_range_are_refused(api, path, questions, body):
    answer = api.post(f"{path}/runs", body, format="json")
    assert answer.status_code == 400
    assert set(body) <= set(answer.json()["error"]["details"])


def test_nan_is_no_threshold(api, path, questions):
    answer = api.post(f"{path}/runs", '{"similarity_threshold": NaN}', content_type="application/json")
    assert answer.status_code == 400


def test_two_runs_side_by_side(api, path, questions):
    made = []
    for threshold in (0.0, 1.0):
        run = api.post(f"{path}/runs", {"similarity_threshold": threshold}, format="json").json()
        runner.run_work(run_id=run["id"])
        made.append(run["id"])
    found = api.get(f"{path}/compare?base={made[0]}&other={made[1]}&page_size=2").json()
    assert found["settings"] == {"similarity_threshold": [0.0, 1.0]}
    assert (found["count"], len(found["results"])) == (4, 2)
    assert sum(found["changes"].values()) == 4
    assert found["changes"]["better"] >= 1
    better = api.get(f"{path}/compare?base={made[0]}&other={made[1]}&change=better").json()
    assert {one["change"] for one in better["results"]} == {"better"}
    assert found["base"]["id"] == made[0]
    assert "page=2" in found["next"]
    assert api.get(f"{path}/compare?base={made[0]}").status_code == 400
    assert api.get(f"{path}/compare?base={made[0]}&other={made[1]}&change=x").status_code == 400


def test_lists_take_the_same_number_of_queries_whatever_their_length(
    api, path, questions, admin, collection, django_assert_max_num_queries
):
    for _ in range(3):
        runs.run_create(actor=admin, collection=collection, trial=runs.Trial(), ring_worker=False)
    with django_assert_max_num_queries(4):  # the model, the count, the rows
        api.get(f"{path}/runs")
    with django_assert_max_num_queries(5):  # and the places
        api.get(f"{path}/questions")


def test_json_holds_every_line(api, path, questions):
    text = b"".join(api.get(f"{path}/questions/export?format=jsonl").streaming_content).decode()
    assert len([json.loads(line) for line in text.splitlines()]) == 4


def test_the_console_shows_questions_and_runs_and_changes_nothing(superadmin, admin, collection, questions):
    run = runs.run_create(actor=admin, collection=collection, trial=runs.Trial(), ring_worker=False)
    runner.run_work(run_id=run.pk)
    console = Client()
    console.force_login(superadmin)
    for path, word in (
        ("evaluationquestion/", HOTEL.question),
        (f"evaluationquestion/{questions[1].pk}/change/", "120 euros"),
        ("evaluationrun/", "completed"),
        (f"evaluationrun/{run.pk}/change/", "ndcg_at_10"),
    ):
        page = console.get(f"/admin/chat/{path}")
        assert page.status_code == 200, path
        assert word.lower() in page.content.decode().lower(), path
    assert console.post(f"/admin/chat/evaluationrun/{run.pk}/change/", {"label": "x"}).status_code == 403
