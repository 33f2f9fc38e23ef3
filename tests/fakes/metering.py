"""Meters for tests that are about something else."""

from bot.services.metering import Quotas

UNMETERED = Quotas(credits=None, max_open=1_000_000, person_per_hour=0, group_per_hour=0)
"""Nobody meets a limit."""
