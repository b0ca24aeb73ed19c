from __future__ import annotations

import json

from django.db import transaction
from django.http import JsonResponse
from django.views import View

from billing.tasks import invoice
from visits.models import Visit
from visits.tasks import note, remind


class VisitList(View):
    def get(self, request):
        return JsonResponse({"visits": list(Visit.objects.values_list("patient", flat=True))})

    def post(self, request):
        body = json.loads(request.body)
        visit = Visit.objects.create(patient=body["patient"])
        remind.delay_on_commit(visit.pk)
        return JsonResponse({"id": visit.pk}, status=201)


def cancel(request, pk):
    Visit.objects.filter(pk=pk).update(state="cancelled")
    result = note.delay(f"cancelled {pk}")
    return JsonResponse({"task": result.id, "state": result.state})


def bill(request, pk):
    transaction.on_commit(lambda: invoice.delay(pk))
    return JsonResponse({"billed": pk})


def broken(request):
    visit = Visit.objects.create(patient="ghost")
    note.delay(f"made {visit.pk}")
    raise RuntimeError("broken view")
