from django.db import models


class Note(models.Model):
    """What tasks and signals leave behind."""

    text = models.CharField(max_length=200)
