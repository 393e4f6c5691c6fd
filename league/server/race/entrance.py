"""The entrance: who enters an event, and who is let onto a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from league.errors import InputError, RaceError, RemoteProtocolError, UnknownNameError
from league.racing.metadata import MODEL_FILE
from league.racing.plan import EntryKind, EntryPlan
from league.scrutineering.report import Report
from league.server.door.auth import Doorkeeper
from league.server.race.closing import check_attempts, check_open
from league.server.race.driver import Driver
from league.server.race.hosting import Hosting
from league.server.race.paddock import Paddock
from league.server.race.practice import PRACTICE, Practice
from league.server.race.scrutineers import SCRUTINEERING, Scrutineers
from league.server.race.settings import Settings
from league.sim.options import read_asked
from league.store.book import RecordBook
from league.store.names import slug
from league.store.records import ModelFiles
from league.wire.messages import ERROR_CODES, Hello


class House(Protocol):
    """What the entrance needs of the house behind it; the lobby is one."""

    closing: bool
    practice: Practice
    scrutineers: Scrutineers
    hosting: Hosting

    async def paddock(self, event_id: str) -> Paddock:
        """An event's paddock; UnknownNameError if there is no such event."""

    async def show(self, paddock: Paddock) -> None:
        """Put up the board of an event in which something changed."""

    def check_agent(self, name: str, sensors: Sequence[str]) -> None:
        """Whether an agent may be hosted by name where these sensors are shown; InputError if not."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a model, or another version of an entry."""

    report: Report | None
    """What the scrutineers found; None for an agent by name, at which they do not look."""
    entry: EntryPlan | None = None
    """The entry; None if a new one was refused."""
    version: int = 0
    token: str = ""
    """Of a new entry."""

    @property
    def accepted(self) -> bool:
        """Whether it may race, and does."""
        return self.entry is not None and (self.report is None or self.report.passed)


class Entrance:
    """Lets entries into events, and drivers to their entries.

    Args:
        lobby: Where the events are.
        book: Where entries and tokens are kept.
        settings: Limits.
        doorkeeper: Knows tokens.
    """

    def __init__(self, lobby: House, book: RecordBook, settings: Settings, doorkeeper: Doorkeeper) -> None:
        self._lobby, self._book, self._settings, self._doorkeeper = lobby, book, settings, doorkeeper

    # -- entries -------------------------------------------------------------------------------------

    async def enter(
        self, event_id: str, name: str, *, agent: str, person: int | None = None
    ) -> tuple[EntryPlan, str]:
        """Enter an agent by name, which the server hosts. Gives the entry and its token.

        Args:
            event_id: The event.
            name: What to call the entry.
            agent: What drives.
            person: The racer's account, if there is one.

        Raises:
            InputError: The name is taken, there is no such agent, or it needs to see more than the
                event shows.
            RaceError: The event takes no entries now, or the racer has no attempt left.
            UnknownNameError: There is no such event.
        """
        paddock = await self._lobby.paddock(event_id)
        self._lobby.check_agent(agent, paddock.record.plan.rules.sensors)
        entry = await self._add(paddock, name, agent=agent, kind="scripted", hosted=True, person=person)
        return entry, await self._issue(event_id, entry)

    async def bring(
        self, event_id: str, name: str, *, of: str, entry_id: str, person: int | None = None
    ) -> tuple[EntryPlan, str]:
        """Enter an entry of another event, in the version that races there. Gives the entry and its token.

        Raises:
            InputError: The name is taken.
            RaceError: The event takes no entries now, or the racer has no attempt left.
            UnknownNameError: There is no such event or entry.
        """
        paddock = await self._lobby.paddock(event_id)
        source = await self._book.entry_source(of, entry_id)
        if source.plan.kind == "scripted" and source.hosted:
            self._lobby.check_agent(source.source, paddock.record.plan.rules.sensors)
        async with paddock.entering:
            await self._check_room(paddock, name := self._check_name(name), person)
            entry = source.plan.model_copy(update={"id": self._new_id(paddock, name), "name": name})
            await self._book.bring_entry(event_id, entry, of=of, entry_id=entry_id)
            if source.hosted:
                paddock.hosted.add(entry.id)
            await paddock.refresh()
        await self._lobby.show(paddock)
        return entry, await self._issue(event_id, entry)

    async def ask_run(self, event_id: str, entry_id: str) -> None:
        """Ask for one more run in an event that stays open; one that waits already stays as it is.

        Raises:
            RaceError: The event takes none now, or the racer has no attempt left.
            UnknownNameError: There is no such event or entry.
        """
        paddock = await self._lobby.paddock(event_id)
        paddock.entry(entry_id)
        if not paddock.record.options.stays_open:
            raise RaceError(f"event {event_id!r} does not stay open: its format says who races when")
        async with paddock.entering:
            if paddock.waits(entry_id):
                return
            check_open(paddock.record, self._book.now())
            if entry_id in paddock.record.withdrawn:
                raise RaceError(f"entry {entry_id!r} was withdrawn from the event")
            await check_attempts(self._book, paddock.record, entry_id=entry_id)
            await self._book.ask_run(event_id, entry_id)
            await paddock.refresh()
            await self._lobby.show(paddock)

    async def submit(
        self,
        event_id: str,
        name: str,
        model: ModelFiles,
        *,
        cost: dict[str, float] | None = None,
        person: int | None = None,
    ) -> Submission:
        """Show a model to the scrutineers, and enter it if they let it pass.

        Raises:
            InputError: The name is taken.
            RaceError: The event takes no entries now, the racer has no attempt left, or too many models are
                waiting.
            UnknownNameError: There is no such event.
        """
        paddock = await self._lobby.paddock(event_id)
        await self._check_room(paddock, self._check_name(name), person)  # before anybody spends time on it
        report = await self._lobby.scrutineers.inspect(paddock.record.plan, paddock.circuit, model)
        report = report.model_copy(update={"cost": cost})
        if not report.passed:
            return Submission(report)
        entry = await self._add(
            paddock, name, agent=MODEL_FILE, kind="onnx", model=model, hosted=True,
            report=report.model_dump_json(), person=person,
        )  # fmt: skip
        return Submission(report, entry, 1, await self._issue(event_id, entry))

    async def renew(
        self,
        event_id: str,
        entry_id: str,
        *,
        model: ModelFiles | None = None,
        agent: str = "",
        cost: dict[str, float] | None = None,
    ) -> Submission:
        """Add a version to an entry: a model, or an agent by name. If it may race, it does from now on.

        Raises:
            InputError: There is no such agent.
            RaceError: The event has begun, or the entry has too many versions or attempts, or left.
            UnknownNameError: There is no such event or entry.
        """
        paddock = await self._lobby.paddock(event_id)
        entry = paddock.entry(entry_id)
        await self._check_renewable(paddock, entry_id)
        if model is None:
            self._lobby.check_agent(agent, paddock.record.plan.rules.sensors)
            report = None
        else:
            report = await self._lobby.scrutineers.inspect(paddock.record.plan, paddock.circuit, model)
            report = report.model_copy(update={"cost": cost})
        changed = entry.model_copy(
            update={"agent": agent or MODEL_FILE, "kind": "scripted" if model is None else "onnx"}
        )
        async with paddock.entering:
            await self._check_renewable(paddock, entry_id)  # much may have happened meanwhile
            version = await self._book.renew_entry(
                event_id, changed, source=changed.agent, model=model, hosted=True,
                report=report.model_dump_json() if report is not None else None,
                accepted=report is None or report.passed, run=not paddock.waits(entry_id),
            )  # fmt: skip
            await paddock.refresh()
            await self._lobby.show(paddock)
        return Submission(report, changed, version)

    async def choose(self, event_id: str, entry_id: str, version: int) -> None:
        """Let another version of an entry race.

        Raises:
            InputError: The scrutineers did not let it pass.
            RaceError: The event has begun.
            UnknownNameError: There is no such event, entry or version.
        """
        paddock = await self._lobby.paddock(event_id)
        paddock.entry(entry_id)
        async with paddock.entering:
            check_open(paddock.record, self._book.now())
            await self._book.choose_version(event_id, entry_id, version)
            await paddock.refresh()
        await self._lobby.show(paddock)

    async def _check_renewable(self, paddock: Paddock, entry_id: str) -> None:
        check_open(paddock.record, self._book.now())
        if entry_id not in paddock.hosted or entry_id in paddock.record.withdrawn:
            raise RaceError(f"entry {entry_id!r} is not driven by this server: it has no versions here")
        known = await self._book.versions(paddock.event_id, entry_id)
        if len(known) >= self._settings.most_versions:
            raise RaceError(f"entry {entry_id!r} has {len(known)} versions, as many as it may have")
        await check_attempts(self._book, paddock.record, entry_id=entry_id)

    async def _issue(self, event_id: str, entry: EntryPlan) -> str:
        return await self._book.issue_token("entry", name=entry.name, event_id=event_id, entry_id=entry.id)

    async def reserve(
        self, event_id: str, name: str, *, kind: EntryKind = "remote", person: int | None = None
    ) -> tuple[EntryPlan, str]:
        """Enter a driver that will connect from elsewhere with the token that this gives."""
        paddock = await self._lobby.paddock(event_id)
        entry = await self._add(paddock, name, agent="", kind=kind, hosted=False, person=person)
        return entry, await self._issue(event_id, entry)

    async def withdraw(self, event_id: str, entry_id: str) -> None:
        """Take an entry out of an event."""
        paddock = await self._lobby.paddock(event_id)
        paddock.entry(entry_id)
        await self._book.withdraw(event_id, entry_id)
        await paddock.refresh()
        await self._lobby.show(paddock)

    async def _add(
        self,
        paddock: Paddock,
        name: str,
        *,
        agent: str,
        kind: EntryKind,
        hosted: bool,
        model: ModelFiles | None = None,
        report: str | None = None,
        person: int | None = None,
    ) -> EntryPlan:
        name = self._check_name(name)
        async with paddock.entering:
            await self._check_room(paddock, name, person)
            entry = EntryPlan(id=self._new_id(paddock, name), name=name, agent=agent[:64], kind=kind)
            await self._book.add_entry(
                paddock.event_id, entry, source=agent, model=model, hosted=hosted, report=report
            )
            if hosted:
                paddock.hosted.add(entry.id)
            await paddock.refresh()
        await self._lobby.show(paddock)
        return entry

    def _check_name(self, name: str) -> str:
        name = " ".join(name.split())
        if not 1 <= len(name) <= 64:
            raise InputError(f"entry name {name[:80]!r} has {len(name)} characters, expected 1 to 64")
        return name

    @staticmethod
    def _new_id(paddock: Paddock, name: str) -> str:
        taken = {entry.id for entry in paddock.record.plan.entries} | paddock.record.withdrawn
        return slug(name, taken=taken)

    async def _check_room(self, paddock: Paddock, name: str, person: int | None = None) -> None:
        """Whether an entry of this name may come now."""
        check_open(paddock.record, self._book.now())
        if person is not None:
            await check_attempts(self._book, paddock.record, person=person)
        entries = paddock.record.plan.entries
        if len(entries) >= self._settings.most_entries:
            raise RaceError(f"event {paddock.event_id!r} is full: it has {len(entries)} entries")
        if any(entry.name.casefold() == name.casefold() for entry in entries):
            raise InputError(f"entry name {name!r} is taken; expected another, or that entry's token")

    # -- drivers -------------------------------------------------------------------------------------

    async def admit(self, hello: Hello, address: str) -> tuple[Driver, bool]:
        """Say whose driver this is, entering it if the event is open to everybody.

        Returns:
            The driver, and whether it goes on with an earlier session.

        Raises:
            RemoteProtocolError: It may not drive here; with the code to answer.
        """
        if self._lobby.closing:
            raise _refused("shutting_down", "the server stops; try again later")
        physical = hello.entry.kind == "physical"
        if physical and hello.event in (PRACTICE, SCRUTINEERING):
            raise _refused("not_in_event", f"{hello.event!r} is a simulation; a real car races in an event")
        if hello.event == PRACTICE:
            return self._lobby.practice.admit(hello), False
        if hello.event == SCRUTINEERING:
            return self._lobby.scrutineers.admit(hello), False
        if url := await self._lobby.hosting.elsewhere(hello.event):
            raise _refused("busy", f"the event is run by {url}; connect there")
        try:
            paddock = await self._lobby.paddock(hello.event)
        except UnknownNameError as error:
            raise _refused("unknown_event", str(error)) from None
        driver, resumed = await self._identify(paddock, hello, address)
        if physical and driver.entry.kind != "physical":
            # A real car would be driven through a simulated race.
            raise _refused(
                "not_in_event",
                f"{driver.entry.name!r} is not entered as a real car; invite it with --physical",
            )
        if driver.entry.id in paddock.record.withdrawn:
            raise _refused("removed", f"entry {driver.entry.name!r} was withdrawn from the event")
        if paddock.record.status not in ("open", "running"):
            raise _refused("not_open", f"the event is over: it is {paddock.record.status}")
        offered = [read_asked(text).name for text in paddock.record.plan.rules.sensors]
        missing = [name for name in hello.want if name not in offered]
        if missing:
            raise _refused(
                "not_in_event", f"it needs to see {', '.join(missing)}; the event shows {', '.join(offered)}"
            )
        await self._offer_run(paddock, driver, hello)
        return driver, resumed

    async def _offer_run(self, paddock: Paddock, driver: Driver, hello: Hello) -> None:
        """Where an event stays open, who comes anew comes for a run."""
        entry_id = driver.entry.id
        if not paddock.record.options.stays_open or hello.resume is not None or entry_id in paddock.hosted:
            return
        if driver.race is None and not paddock.waits(entry_id):
            try:
                await self.ask_run(paddock.event_id, entry_id)
            except RaceError as error:
                raise _refused("not_open", str(error)) from None

    async def _identify(self, paddock: Paddock, hello: Hello, address: str) -> tuple[Driver, bool]:
        """By the session that it resumes, by its token, or as a new entry."""
        resume = hello.resume
        if resume is not None:
            for driver in paddock.drivers.values():
                if driver.may_resume(resume.session, resume.token):
                    return driver, True
        if self._doorkeeper.wait_s(address) > 0:
            raise _refused("auth", "too many wrong tokens from this address; try later")
        for token in (resume.token if resume is not None else None, hello.token):
            entry_id = await self._entry_of(paddock, token) if token else None
            if token and entry_id is not None:
                driver = paddock.driver(entry_id)
                if resume is not None and token == resume.token:
                    driver.resume_token = token
                return driver, False
        if hello.token is not None:
            return await self._by_event_token(paddock, hello, address), False
        if not paddock.record.options.open_entry:
            if resume is not None:
                raise _refused("resume", "the session is not known here any more; a token is needed")
            raise _refused("auth", "this event needs a token, and none was given")
        return await self._enter_remote(paddock, hello), False

    async def _entry_of(self, paddock: Paddock, token: str) -> str | None:
        """The entry of this event that a token speaks for, if there is one."""
        record = await self._book.token(token)
        if record is None or record.event_id != paddock.event_id:
            return None
        return record.entry_id

    async def _by_event_token(self, paddock: Paddock, hello: Hello, address: str) -> Driver:
        """Enter with a token that is good for one event, but for no entry in particular."""
        record = await self._doorkeeper.look_up(hello.token or "", address)
        if record is None:
            raise _refused("auth", "the token is not good")
        if record.role != "entry" or record.event_id != paddock.event_id:
            raise _refused("auth", f"the token is not for entering event {paddock.event_id!r}")
        return await self._enter_remote(paddock, hello)

    async def _enter_remote(self, paddock: Paddock, hello: Hello) -> Driver:
        said = hello.entry
        kind: EntryKind = said.kind if said.kind in ("onnx", "scripted", "physical") else "remote"  # type: ignore[assignment]
        try:
            entry = await self._add(
                paddock, said.name, agent=said.version or said.kind, kind=kind, hosted=False
            )
        except RaceError as error:
            raise _refused("not_open", str(error)) from None
        except InputError as error:
            raise _refused("auth", str(error)) from None
        driver = paddock.driver(entry.id)
        # Kept in the book, so that the driver is known again after a restart of the server.
        driver.resume_token = await self._book.issue_token(
            "entry", name="resume", event_id=paddock.event_id, entry_id=entry.id
        )
        return driver


def _refused(code: str, problem: str) -> RemoteProtocolError:
    return RemoteProtocolError(code, problem, close=ERROR_CODES[code].close)
