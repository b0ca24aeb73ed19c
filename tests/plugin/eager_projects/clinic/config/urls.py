from __future__ import annotations

from django.urls import path

from visits import views

urlpatterns = [
    path("visits/", views.VisitList.as_view()),
    path("visits/<int:pk>/cancel/", views.cancel),
    path("visits/<int:pk>/bill/", views.bill),
    path("visits/broken/", views.broken),
]
