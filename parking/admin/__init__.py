"""The operators' door: what staff see and change in Django's admin."""

from . import schedule as schedule
