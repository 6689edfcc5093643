"""Calendars of one's own, whose periods no rule of days, weeks or months gives."""
