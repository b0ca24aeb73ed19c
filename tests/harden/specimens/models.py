"""The rows of a small shop."""

from __future__ import annotations

from django.db import models


class Customer(models.Model):
    """Somebody who gets messages."""

    email = models.EmailField()
    phone = models.CharField(max_length=20)


class Order(models.Model):
    """What a customer wants."""

    number = models.IntegerField(unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    state = models.CharField(max_length=20, default="new")
    mail_state = models.CharField(max_length=20, default="")
    invoiced = models.BooleanField(default=False)
    reminded = models.BooleanField(default=False)


class Parcel(models.Model):
    """What was sent for an order."""

    number = models.IntegerField(unique=True)


class Payment(models.Model):
    """Money that came in; nothing keeps the same from being noted twice."""

    number = models.IntegerField()
    amount = models.IntegerField()


class UniquePayment(models.Model):
    """Money that came in, once for each order."""

    number = models.IntegerField(unique=True)
    amount = models.IntegerField()


class Tag(models.Model):
    """A word; nothing keeps the same from being there twice."""

    name = models.CharField(max_length=20)


class UniqueTag(models.Model):
    """A word, once."""

    name = models.CharField(max_length=20, unique=True)


class Page(models.Model):
    """Something that is counted."""

    hits = models.IntegerField(default=0)


class Visit(models.Model):
    """One visit; nothing keeps the same from being noted twice."""

    request = models.CharField(max_length=20)


class UniqueVisit(models.Model):
    """One visit, once."""

    request = models.CharField(max_length=20, unique=True)


class Batch(models.Model):
    """Work in several parts."""

    missing = models.IntegerField(default=2)
    state = models.CharField(max_length=20, default="open")


class Part(models.Model):
    """One part of it that is done."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE)
    name = models.CharField(max_length=20)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["batch", "name"], name="a_part_once"),)


class Product(models.Model):
    """What is sold."""

    price = models.IntegerField()


class Invoice(models.Model):
    """What is owed for an order."""

    number = models.IntegerField(unique=True)
    file = models.CharField(max_length=40)


class Feed(models.Model):
    """How far a feed was worked off."""

    cursor = models.IntegerField(default=0)


class Quota(models.Model):
    """How many messages may still be sent."""

    left = models.IntegerField(default=3)


class Token(models.Model):
    """One of them, taken for a piece of work."""

    work = models.CharField(max_length=40, unique=True)


class Outbox(models.Model):
    """What the warehouse has still to hear of."""

    number = models.IntegerField(unique=True)


class ArchivedOrder(models.Model):
    """An order that is no longer worked on."""

    number = models.IntegerField(unique=True)


class Sequence(models.Model):
    """The last number that was given out."""

    last = models.IntegerField(default=0)


class Receipt(models.Model):
    """An order and the number that it got."""

    number = models.IntegerField(unique=True)
    order = models.IntegerField(unique=True)


class Job(models.Model):
    """A piece of work, and who does it."""

    state = models.CharField(max_length=20, default="new")
    claimed_by = models.CharField(max_length=40, default="")


class Line(models.Model):
    """A line of an order."""

    order = models.IntegerField()
    article = models.CharField(max_length=20)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["order", "article"], name="an_article_once"),)


class Account(models.Model):
    """Somebody's money."""

    name = models.CharField(max_length=20)
    balance = models.IntegerField(default=100)


class Transfer(models.Model):
    """Money that shall go from one account to another."""

    source = models.CharField(max_length=20)
    target = models.CharField(max_length=20)
    amount = models.IntegerField()
    state = models.CharField(max_length=20, default="new")


class Show(models.Model):
    """Something to sit and look at."""

    seats = models.IntegerField(default=1)


class Guest(models.Model):
    """Somebody who wants to see it."""

    name = models.CharField(max_length=20, unique=True)
    is_seated = models.BooleanField()


class Delivery(models.Model):
    """Where a parcel is, by the last that was heard of it."""

    version = models.IntegerField(default=0)
    state = models.CharField(max_length=20, default="")
