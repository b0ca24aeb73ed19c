from __future__ import annotations

from django.core.management.base import BaseCommand

from visits.tasks import close_day


class Command(BaseCommand):
    def handle(self, *args, **options):
        result = close_day.delay()
        self.stdout.write(f"closed {result.get()}")
