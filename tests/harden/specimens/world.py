"""The rows that every scenario begins with."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command

from specimens import ledger, models


class Warehouse:
    """The second database has parcels only."""

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        """Whether a table belongs there."""
        return db == "default" or model_name == "parcel"


def build() -> None:
    """Make the tables, and fill them."""
    ledger.build()
    for alias in ("default", "warehouse"):
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    for number, name in enumerate(("ada", "bob"), start=1):
        customer = models.Customer.objects.create(email=f"{name}@example.com", phone=f"+44 {number}")
        models.Order.objects.create(number=number, customer=customer)
        models.Account.objects.create(name=name)
    models.Transfer.objects.create(source="ada", target="bob", amount=30)
    models.Product.objects.create(price=10)
    for kind in (models.Batch, models.Delivery, models.Feed, models.Job, models.Page, models.Quota):
        kind.objects.create()
    models.Sequence.objects.create()
    models.Show.objects.create()
