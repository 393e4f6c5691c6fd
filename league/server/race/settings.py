"""How a server is run: addresses, time limits, and what hosted drivers may use."""

from __future__ import annotations

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from league.cage.limits import Limits as CageLimits
from league.errors import ConfigError
from league.racing.rules import first_problem
from league.wire.messages import Limits

MIB = 1024 * 1024

Seconds = Annotated[float, Field(ge=0, le=3600)]


class Settings(BaseModel):
    """Everything that an organiser may set; the defaults are those of the protocol."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = "A racing league"
    """What the pages and `welcome` call this server."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8490
    """0 takes any free port."""
    public_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Another port, on which one can only look; 0 takes any free one, None has none."""
    database: str = ""
    """File or URL of the record book; empty is a SQLite file in the user's data folder."""
    url: str = ""
    """Where drivers and viewers find this server; empty is where it listens.

    Servers that share a database send them to each other.
    """
    lease_s: Annotated[float, Field(ge=0.5, le=600)] = 10.0
    """Other servers on the same database go on with the events of one that was silent for so long."""
    open_entry: bool | None = None
    """Whether new events may be entered without a token; None: only where nobody else can connect."""

    hosts: tuple[str, ...] = ()
    """Names by which browsers may ask for this server, besides addresses, this machine's own and local names.

    ".club.example" stands for all that end so, "*" for any.
    """
    proxies: tuple[str, ...] = ()
    """Addresses of our own proxies; they are believed when they say for whom they ask."""
    reads_per_s: Annotated[float, Field(ge=0, le=1e6)] = 100.0
    """Requests of one address, or with one token, that read; 20 s worth may come at once; 0 is any number."""
    changes_per_s: Annotated[float, Field(ge=0, le=1e6)] = 5.0
    """The same for requests that change something."""
    session_days: Annotated[float, Field(gt=0, le=400)] = 14.0
    """How long a browser stays signed in."""

    ready_s: Seconds = 20.0
    """Time to get ready after being assigned to a heat."""
    no_show_s: Seconds = 60.0
    """Time to appear, or to get ready while saying so, before a heat starts without an entry."""
    resume_s: Seconds = 5.0
    """Time on the heat's clock within which a lost driver may return."""
    resumes: Annotated[int, Field(ge=0, le=100)] = 2
    """How often a driver may return in one heat."""
    deadline_s: Annotated[float, Field(gt=0, le=60)] = 0.050
    """Time to answer one lockstep tick."""
    bank_s: Seconds = 2.0
    """Time beyond the deadlines that each car has for a whole lockstep heat."""
    realtime_margin_s: Annotated[float, Field(ge=0, le=1)] = 0.010
    """A realtime tick closes this long before the next one."""
    hello_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    ping_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    dead_s: Annotated[float, Field(gt=0, le=3600)] = 15.0
    countdown_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    """Before heats that run in real time; one that runs as fast as it can starts at once."""
    between_heats_s: Seconds = 0.0
    green_light: Literal["timekeeper", "ready"] = "timekeeper"
    """Who starts a run of physical cars: the timekeeper, or their bridges by being ready."""
    confirm_s: Seconds | None = None
    """A physical run's result stands when it was left alone for so long; None waits for the timekeeper."""

    webhooks_private: bool = False
    """Whether webhooks may go to this machine and to private networks."""
    most_sockets: Annotated[int, Field(ge=1)] = 512
    """Agents connected at once, those that have not said who they are included."""
    most_entries: Annotated[int, Field(ge=1)] = 64
    """Entries of one event."""
    model_bytes: Annotated[int, Field(ge=1)] = 64 * MIB
    """Largest model that may be uploaded."""

    most_versions: Annotated[int, Field(ge=1)] = 20
    """Versions of one entry."""
    solo_lap_s: Seconds = 180.0
    """Time on the heat's clock for the lap that a model drives alone before it may race; 0 asks for none."""

    hosted_cpu_s: Annotated[int, Field(ge=1)] = 1800
    """Processor time of one hosted driver for a whole event."""
    hosted_memory_bytes: Annotated[int, Field(ge=64 * MIB)] = 2048 * MIB
    hosted_file_bytes: Annotated[int, Field(ge=0)] = 16 * MIB
    """Largest file that a hosted driver may write."""
    hosted_threads: Annotated[int, Field(ge=8)] = 64
    hosted_starts: Annotated[int, Field(ge=1)] = 3
    """How often a hosted driver is started again after it died, in one event."""

    @classmethod
    def read(cls, path: str | Path | None, **given: Any) -> Settings:
        """Settings from the table `[server]` of a TOML file, and from options, which go first.

        Raises:
            ConfigError: The file cannot be read, or a setting is unknown or out of range.
        """
        table: dict[str, Any] = {}
        if path is not None:
            try:
                content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
            except OSError as error:
                raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path}: not TOML: {error}") from error
            strange = sorted(set(content) - {"server"})
            if strange:
                raise ConfigError(f"{path}: unknown table [{strange[0]}], expected [server]")
            table = content.get("server", {})
        table |= {name: value for name, value in given.items() if value is not None}
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise ConfigError(f"{path or 'options'}: {first_problem(error, cls.model_fields)}") from None

    def find_database(self) -> str:
        """The record book's file or URL; makes the folder of the default one.

        Raises:
            ConfigError: The folder cannot be made.
        """
        if self.database:
            return self.database
        folder = platformdirs.user_data_path("league")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be made: {error.strerror}; give --database") from error
        return str(folder / "league.sqlite")

    @property
    def hosted_limits(self) -> CageLimits:
        """What a hosted driver takes upon itself."""
        return CageLimits(
            cpu_s=self.hosted_cpu_s,
            memory_bytes=self.hosted_memory_bytes,
            file_bytes=self.hosted_file_bytes,
            threads=self.hosted_threads,
        )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def entry_is_open(self) -> bool:
        """Whether new events may be entered without a token, unless they say otherwise."""
        return self.loopback if self.open_entry is None else self.open_entry

    @property
    def limits(self) -> Limits:
        """What `welcome` tells every driver."""
        return Limits(
            ready_s=self.ready_s,
            no_show_s=self.no_show_s,
            hello_s=self.hello_s,
            ping_s=self.ping_s,
            dead_s=self.dead_s,
            resume_s=self.resume_s,
            resumes=self.resumes,
        )
