from __future__ import annotations

from django.urls import path

from bookshop import views

urlpatterns = [
    path("orders/", views.create_order),
    path("orders/later/", views.create_order_with_reminder),
    path("orders/committed/", views.create_order_on_commit),
    path("orders/careful/", views.create_order_carefully),
]
