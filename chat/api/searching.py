"""`?search=` over what was said: by words, not by letters in a row."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.filters import SearchFilter
from rest_framework.request import Request
from rest_framework.views import APIView

from chat.search import read_query


class WordSearch(SearchFilter):
    """Hands the words of `?search=` to the view's `find(queryset, words)`; without any, all is listed."""

    search_description = "Words of titles, questions and answers; the last one may be incomplete."

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        text = request.query_params.get(self.search_param, "")
        if not text.strip():
            return queryset
        found: QuerySet[Any] = view.find(queryset, read_query(text))  # type: ignore[attr-defined]
        return found
