"""Where the API of this app is."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from brokers.api import BDMViewSet, BranchViewSet, BrokerViewSet

router = SimpleRouter(use_regex_path=False)
router.register("branches", BranchViewSet, "branch")
router.register("bdms", BDMViewSet, "bdm")
router.register("brokers", BrokerViewSet, "broker")

urlpatterns = router.urls
