"""Where the API of this app is."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from borrowers.api import BorrowerViewSet, GuarantorViewSet

router = SimpleRouter(use_regex_path=False)
router.register("guarantors", GuarantorViewSet, "guarantor")
router.register("", BorrowerViewSet, "borrower")

urlpatterns = router.urls
