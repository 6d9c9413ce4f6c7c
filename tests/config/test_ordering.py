"""The order of lists is whole: what compares equal is ordered by its id, in the same direction."""

import pytest
from django.db.models import Count
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.api.people import Users
from accounts.models import User
from chat.models import ChatSession
from collections_app.models import Collection
from config.api.ordering import WholeOrdering
from documents.models import Document
from tests.conftest import make_user


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ("", ("email", "pk")),
        ("role", ("role", "pk")),
        ("-role", ("-role", "-pk")),
        ("-role,is_active", ("-role", "is_active", "pk")),
        ("password", ("email", "pk")),
    ],
)
def test_the_primary_key_breaks_ties(asked, order):
    request = Request(APIRequestFactory().get("/", {"ordering": asked}))
    found = WholeOrdering().filter_queryset(request, User.objects.all(), Users())
    assert found.query.order_by == order


@pytest.mark.parametrize(
    ("model", "order"),
    [
        (ChatSession, ("-updated_at", "id")),
        (Document, ("-created_at", "-id")),
        (Collection, ("name", "pk")),
    ],
)
def test_a_models_own_order_is_made_whole_too_also_where_rows_are_counted(model, order):
    request = Request(APIRequestFactory().get("/"))
    counted = model.objects.annotate(number=Count("pk"))
    assert WholeOrdering().filter_queryset(request, counted, Users()).query.order_by == order


def test_paging_through_ties_meets_each_row_once(client_for, admin, collection):
    wanted = {make_user(f"u{number}@example.com").pk for number in range(12)}
    seen: list[int] = []
    for page in range(1, 5):
        body = client_for(admin).get(f"/api/users?ordering=-role&role=user&page_size=4&page={page}").json()
        seen += [row["id"] for row in body["results"]]
    assert seen == sorted(seen, reverse=True)
    assert wanted <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_list_of_numbers_that_were_counted_keeps_its_order(client_for, admin, collection):
    names = [Collection.objects.create(name=n, embedding_dimension=384).name for n in ("Zoo", "Ark")]
    rows = client_for(admin).get("/api/models?ordering=document_count").json()["results"]
    assert [row["name"] for row in rows] == [collection.name, *names]
