"""Whether one may still enter or submit something: until when, and how often a racer may."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from league.errors import RaceError
from league.store.book import RecordBook
from league.store.records import EventRecord

DAY: Final = timedelta(hours=24)


def check_open(record: EventRecord, now: datetime) -> None:
    """Whether an event takes entries and submissions now.

    Raises:
        RaceError: It does not; with the reason.
    """
    event_id, options = record.plan.id, record.options
    if not record.takes_entries:
        raise RaceError(f"event {event_id!r} is {record.status} and takes no entries now")
    if options.closes_at is not None and now >= options.closes_at:
        raise RaceError(f"event {event_id!r} takes no entries since {as_utc(options.closes_at)}")


async def check_attempts(
    book: RecordBook, record: EventRecord, *, entry_id: str = "", person: int | None = None
) -> None:
    """Whether a racer has an attempt left in an event.

    Args:
        book: Where attempts are kept.
        record: The event.
        entry_id: The racer's entry, if there is one yet.
        person: Whose it is or is to be, if that is somebody with an account, whose entries count together.

    Raises:
        RaceError: There is none left.
    """
    options, event_id = record.options, record.plan.id
    if options.attempts is None and options.attempts_a_day is None:
        return
    made = await book.attempts(event_id, entry_id=entry_id, person=person)
    if options.attempts is not None and len(made) >= options.attempts:
        raise RaceError(f"event {event_id!r}: {len(made)} attempts were made, as many as a racer has")
    now = book.now()
    # Those of a clock that was far ahead are as far from now as old ones, and count as little.
    recent = sorted(at for at in made if abs(now - at) < DAY)
    if options.attempts_a_day is not None and len(recent) >= options.attempts_a_day:
        free = as_utc(recent[-options.attempts_a_day] + DAY)
        raise RaceError(
            f"event {event_id!r}: {len(recent)} attempts were made within 24 hours, as many as a racer has; "
            f"the next from {free}"
        )


def as_utc(moment: datetime) -> str:
    """A moment in words, in whole minutes."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
