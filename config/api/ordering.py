"""Lists whose order is whole: pages neither repeat rows nor leave some out."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.views import APIView


class WholeOrdering(OrderingFilter):
    """`?ordering=` by a view's `ordering_fields`; ties, also of the view's own order, go by the primary key.

    PostgreSQL returns rows that compare equal in any order it likes, another one for each page.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        found = super().filter_queryset(request, queryset, view)
        fields = list(found.query.order_by or found.model._meta.ordering)
        names = {str(field).lstrip("-") for field in fields}
        if not names & {"pk", found.model._meta.pk.name}:
            backwards = bool(fields) and str(fields[-1]).startswith("-")
            fields.append("-pk" if backwards else "pk")
        return found.order_by(*fields)  # said again: Django drops a model's own order where a query counts
