"""Recipes: a training run as one TOML file, read, checked and written.

Everything that a run depends on is in here, so that a recipe and a seed repeat it. Bundled recipes explain
themselves in their comments; this module says what each entry means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from league.errors import ConfigError, InputError, UnknownNameError
from league.hooks.catalogue import REVERSED
from league.racing.places import read_place
from league.racing.rules import first_problem
from league.sim.layout import OPPONENTS

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
BotSpeed = Annotated[float, Field(ge=0.1, le=7)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ActionSpace(_Part):
    """What the driver may ask for, in DeepRacer's terms: ranges, or a list of actions."""

    steering_angle_deg: tuple[float, float] = (-30.0, 30.0)
    speed_mps: tuple[float, float] = (0.1, 4.0)
    actions: tuple[tuple[float, float], ...] = ()
    """Pairs of steering (degrees, positive to the left) and speed; with any, the space is discrete."""

    @model_validator(mode="after")
    def _in_order(self) -> ActionSpace:
        for name in ("steering_angle_deg", "speed_mps"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is from {low:g} to {high:g}, expected low before high")
        return self


class RewardOptions(_Part):
    """What the driver is paid for."""

    kind: Literal["progress", "pursuit", "file"] = "progress"
    """"progress": `per_m` for every metre of progress, `off_track` for leaving the road, `collision` for
    running into something. "pursuit": with all wheels on the road progress / steps × 100 + speed², else
    0.01. "file": a reward function."""
    per_m: float = 5.0
    off_track: float = -5.0
    collision: float = -5.0
    """What running into a box or bot pays ("progress" only)."""
    effort: NotNegative = 0.0
    """Taken off for every full swing of the steering from one tick to the next ("progress" only)."""
    file: str = ""
    vectorised: bool = False
    """Whether the file's function takes arrays, one number a car, and returns one."""
    untrusted: bool = False
    """Run the file's function in limited processes."""
    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes that share the file's function; 0 is this one alone."""
    scale: NotNegative = 0.0
    """What every reward is multiplied by before the learner sees it; 0 finds its own, so that what a car
    may expect spreads by about 1."""

    @model_validator(mode="after")
    def _has_file(self) -> RewardOptions:
        if (self.kind == "file") != bool(self.file):
            raise ValueError(
                f'kind is {self.kind!r} and file {self.file!r}, expected a file with kind "file"'
            )
        return self


class EpisodeOptions(_Part):
    """When an episode ends, and where one starts."""

    time_limit_s: Positive = 26.0
    lap: Literal["ignore", "bootstrap", "terminal"] = "ignore"
    """What 100 % of progress is: nothing special; an end like that of time, after which the income goes
    on as far as the driver can tell; or the end of all income, as in DeepRacer, which makes slow safe."""
    on_line: Share = 0.2
    standing: Share = 0.5
    speed_mps: NotNegative = 2.0
    spread: Share = 0.6
    heading_rad: NotNegative = 0.3
    collision: Literal["end", "reset", "ignore"] = "end"
    """What running into a box or bot is: the end of the episode, as in DeepRacer's training; being put back
    after `collision_penalty_s`, as in races; or nothing."""
    collision_penalty_s: NotNegative = 5.0


class Vary(_Part):
    """What differs from car to car in training, so that the driver does not rely on it."""

    car: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Every figure of the car's dynamics is off by up to this share, drawn anew for every episode."""
    spins: Annotated[float, Field(ge=0, le=20)] = 0.0
    """How many times as often as recorded cars these lose grip; see `league.sim.grip`."""
    noise: NotNegative = 0.0
    """Noise of the observations in units of `ground.senses.NOISE`; 1 is that of a good sensor."""
    latency_ticks: Annotated[int, Field(ge=0, le=8)] = 0
    """How old observations are, at most."""
    camera: Share = 0.0
    """How much light, shades and the camera's place vary."""


class Objects(_Part):
    """What is in the way, by the names that a race's rules have for it; nothing, as in time trials."""

    boxes: Annotated[int, Field(ge=0, le=7)] = 0
    """Boxes on the lane lines at random places, drawn anew for every episode."""
    box_places: Annotated[tuple[str, ...], Field(max_length=7)] = ()
    """Or boxes at given places, the same in every episode: "4.2,left" in metres from the start line,
    "25%,inner" of the lap."""
    bots: Annotated[int, Field(ge=0, le=6)] = 0
    """Cars without a driver on the lane lines, at places drawn anew for every episode."""
    bot_speed_mps: tuple[BotSpeed, BotSpeed] = (0.2, 0.2)
    """Slowest and fastest that one may be, drawn evenly for each; DeepRacer's own are 0.2 m/s."""
    bot_lane_changes: bool = False
    """Whether bots change lanes every 3 to 5 s."""
    seen: Annotated[int, Field(ge=0, le=OPPONENTS)] = 3
    """How many of the nearest boxes, bots and cars in the state observation (state.v1) the network looks at;
    0 drives blindly. Without objects it looks at none. LIDARs and cameras see all of them anyway."""

    @model_validator(mode="after")
    def _can_be(self) -> Objects:
        slowest, fastest = self.bot_speed_mps
        if slowest > fastest:
            raise ValueError(
                f"bot_speed_mps is from {slowest:g} to {fastest:g}, expected the slower one first"
            )
        if self.boxes and self.box_places:
            raise ValueError(
                f"boxes is {self.boxes} and box_places has {len(self.box_places)}, expected one of the two"
            )
        for text in self.box_places:
            try:
                read_place(text)
            except ConfigError as error:
                raise ValueError(f"box_places: {error}") from None
        return self

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.boxes or self.box_places or self.bots)


class Learning(_Part):
    """The learner's settings; names of stable-baselines3 where it has them."""

    algorithm: Literal["ppo", "sac"] = "ppo"
    cars: Annotated[int, Field(ge=1, le=4096)] = 64
    """Cars that drive side by side."""
    steps: Annotated[int, Field(ge=1, le=100_000)] = 128
    """Steps of each car between updates."""
    episodes: Annotated[int, Field(ge=0, le=10_000)] = 0
    """With more than 0, update after one whole episode of each car instead of after `steps`."""
    batch_size: Annotated[int, Field(ge=2)] = 2048
    epochs: Annotated[int, Field(ge=1, le=100)] = 4
    learning_rate: Positive = 5e-4
    learning_rate_end: NotNegative | None = None
    """What it falls to, in a straight line; None stays."""
    discount: Share = 0.98
    gae_lambda: Share = 0.95
    clip: Positive = 0.2
    entropy: NotNegative = 0.0
    value_share: NotNegative = 0.5
    max_grad_norm: Positive = 0.5
    loss: Literal["huber", "mse"] = "mse"
    log_std: float = -0.5
    """Logarithm of the first exploration, in units of half the action range."""
    network: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = (64, 64)
    """Widths of the layers of a network that sees numbers."""
    activation: Literal["tanh", "relu"] = "tanh"
    vision: Literal["shallow", "default", "deep"] = "shallow"
    """DeepRacer's networks for pictures."""
    # SAC only.
    buffer: Annotated[int, Field(ge=1000)] = 300_000
    first_steps: Annotated[int, Field(ge=0)] = 5000
    """Steps at random before SAC learns."""
    updates: Positive = 0.25
    """Updates of SAC for every step of a car."""
    temperature: Positive | None = None
    """SAC's entropy factor; None lets it find its own."""


class Budget(_Part):
    """How long it may take; the first that is reached ends the run."""

    steps: Annotated[int, Field(ge=1)] | None = None
    minutes: Positive | None = None
    """Training time, evaluations included, compiling and loading not."""
    episodes: Annotated[int, Field(ge=1)] | None = None
    mean_reward: float | None = None
    """Enough when episodes are paid that much on average; besides one of the others."""

    @model_validator(mode="after")
    def _some(self) -> Budget:
        if self.steps is None and self.minutes is None and self.episodes is None:
            raise ValueError("has no steps, minutes or episodes, expected at least one of them")
        return self


class Keep(_Part):
    """Which model is the run's."""

    best_by: Literal["race", "lap_time", "progress", "reward", "last"] = "race"
    """"race": the shortest time for `laps` from a standing start, penalties inside, after the most laps
    driven. "lap_time", "progress", "reward": DeepRacer's measures. "last": the last one."""
    laps: Annotated[int, Field(ge=1, le=20)] = 3
    every_s: Positive = 4.0
    """Training time between evaluations."""
    checkpoint_s: Positive = 30.0
    """Training time between checkpoints."""


class Polish(_Part):
    """A last stretch that shortens the race itself: see `training.polish`."""

    share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of the budget; 0 is none."""
    copies: Annotated[int, Field(ge=4, le=4096, multiple_of=2)] = 128
    """How many changed policies race at once."""
    spread: Positive = 0.045
    """How much each is changed, as a share of how much a layer's weights differ from one another."""
    rate: Positive = 0.0066
    """How far the policy moves at once in the beginning, in the same unit."""


class Beside(_Part):
    """Somebody else's evaluation, to be printed beside the run's own."""

    name: str
    laps_s: Annotated[tuple[float, ...], Field(min_length=1)]
    fastest_off_tracks: Annotated[int, Field(ge=0)] = 0
    off_tracks: Annotated[int, Field(ge=0)] = 0


class Recipe(_Part):
    """A training run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "my-model"
    about: str = ""
    circuits: Annotated[tuple[str, ...], Field(min_length=1, max_length=4096)]
    """Ids, files, "ID:reversed", or "generated:N:SEED" for N drawn ones."""
    both_directions: bool = False
    test_circuits: tuple[str, ...] = ()
    """Where evaluations drive; none is the first few of `circuits`."""
    car: str = "deepracer"
    control_hz: Annotated[int, Field(ge=1, le=60)] = 15
    sensors: Annotated[tuple[str, ...], Field(min_length=1, max_length=4)] = ("state",)
    """What the driver sees: "state", "lidar", "camera" …, with options as in an event."""
    start_from: str = ""
    """The model to begin with: a run's folder, or the name of a recipe that is trained first."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    metadata: str = ""
    """A `model_metadata.json` to take action space and sensor from."""
    hyperparameters: str = ""
    """A DeepRacer `hyperparameters.json` to take settings from; `learning` is what it leaves open."""
    action_space: ActionSpace = ActionSpace()
    reward: RewardOptions = RewardOptions()
    episode: EpisodeOptions = EpisodeOptions()
    vary: Vary = Vary()
    objects: Objects = Objects()
    learning: Learning = Learning()
    budget: Budget
    keep: Keep = Keep()
    polish: Polish = Polish()
    beside: tuple[Beside, ...] = ()

    @model_validator(mode="after")
    def _can_be_polished(self) -> Recipe:
        if not self.polish.share:
            return self
        if self.objects.any:
            raise ValueError("polish.share is more than 0, expected 0 where boxes or bots are in the way")
        if self.learning.algorithm != "ppo" or self.keep.best_by not in ("race", "lap_time"):
            raise ValueError(
                f"polish: learning.algorithm is {self.learning.algorithm!r} and keep.best_by "
                f'{self.keep.best_by!r}, expected "ppo" and "race" or "lap_time"'
            )
        return self

    @classmethod
    def parse(cls, given: Mapping[str, Any], *, where: str = "recipe") -> Recipe:
        """A recipe from plain values.

        Raises:
            ConfigError: With the first problem, in one line.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigError(f"{where}: {first_problem(error)}") from None

    def changed(self, **what: Any) -> Recipe:
        """The same recipe with other entries, checked; a mapping changes only the entries it names."""
        given = self.model_dump()
        for key, value in what.items():
            given[key] = given[key] | value if isinstance(value, dict) else value
        return Recipe.parse(given)

    def toml(self) -> str:
        """The whole recipe as TOML, every entry written out."""
        import tomli_w

        return tomli_w.dumps(_without_none(self.model_dump(mode="json")))


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null; an entry that is None is its default and can be left out."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in given.items()
        if value is not None
    }


def recipe_files() -> dict[str, Path]:
    """The bundled recipes by name: beside the agents in a checkout, inside their package once installed."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    packages = {point.value.split(".")[0] for point in entry_points(group="league")}
    found: dict[str, Path] = {}
    for package in sorted(packages):
        spec = find_spec(package)
        # A plugin may be a single module, which has no place for recipes, or gone.
        places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
        for folder in (part for inside in places for part in (inside / "recipes", inside.parent / "recipes")):
            found |= {file.stem: file for file in sorted(folder.glob("*.toml")) if file.stem not in found}
    return found


def read_recipe(ref: str | Path) -> Recipe:
    """The recipe in a file, or the bundled one of that name; files it names lie beside it.

    Raises:
        UnknownNameError: It is neither a file nor a name.
        InputError: The file cannot be read.
        ConfigError: It is not TOML, or an entry is wrong.
    """
    path = Path(ref)
    if not path.suffix:
        known = recipe_files()
        if str(ref) not in known:
            raise UnknownNameError("recipe", str(ref), known)
        path = known[str(ref)]
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    given.setdefault("name", path.stem)
    return _beside(Recipe.parse(given, where=str(path)), path.parent)


def _beside(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the files that it names found from where it lies."""
    found: dict[str, Any] = {
        key: str(folder / value)
        for key in ("metadata", "hyperparameters", "start_from")
        if (value := getattr(recipe, key)) and (folder / value).exists() and (folder / value) != folder
    }
    if recipe.reward.file and (folder / recipe.reward.file).is_file():
        found["reward"] = {"file": str(folder / recipe.reward.file)}
    for key in ("circuits", "test_circuits"):
        found[key] = tuple(_road_beside(ref, folder) for ref in getattr(recipe, key))
    return recipe.changed(**found)


def _road_beside(ref: str, folder: Path) -> str:
    file = ref.removesuffix(REVERSED)
    return str(folder / ref) if Path(file).suffix and (folder / file).is_file() else ref
