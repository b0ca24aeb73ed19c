from __future__ import annotations

from django.db import transaction
from django.http import JsonResponse

from bookshop import tasks
from bookshop.models import Order


def create_order(request):
    order = Order.objects.create(customer=request.POST["customer"])
    tasks.mail_receipt.delay(order.pk)
    return JsonResponse({"id": order.pk}, status=201)


def create_order_with_reminder(request):
    order = Order.objects.create(customer=request.POST["customer"])
    tasks.close_order.apply_async([order.pk], countdown=3600)
    return JsonResponse({"id": order.pk}, status=201)


def create_order_on_commit(request):
    with transaction.atomic():
        order = Order.objects.create(customer=request.POST["customer"])
        transaction.on_commit(lambda: tasks.mail_receipt.delay(order.pk))
    return JsonResponse({"id": order.pk}, status=201)


def create_order_carefully(request):
    order = Order.objects.create(customer=request.POST["customer"])
    try:
        tasks.fail.delay("no stock")
    except ValueError:
        order.state = "refused"
        order.save()
    return JsonResponse({"state": order.state}, status=201)
