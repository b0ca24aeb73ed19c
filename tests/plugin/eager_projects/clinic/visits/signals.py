from __future__ import annotations

from django.db.models.signals import post_save
from django.dispatch import receiver

from visits.models import Visit
from visits.tasks import index_visit


@receiver(post_save, sender=Visit)
def index(sender, instance, created, **kwargs):
    if created:
        index_visit.delay(instance.pk)
