"""DeepRacer's `hyperparameters.json`, and what each of its names becomes in stable-baselines3.

Pure. Names that a file leaves out have the simulator's defaults. Besides, DeepRacer fixes in its code what
is not in the file: a PPO clip range of 0.2, a GAE λ of 0.95, Adam's ε of 1e-5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from league.errors import ConfigError

CLIP_RANGE, GAE_LAMBDA, ADAM_EPSILON = 0.2, 0.95, 1e-5
"""What DeepRacer fixes."""


class Bound(NamedTuple):
    """What a number may be, and what DeepRacer's console offers."""

    low: float
    high: float
    whole: bool = False
    offered: tuple[float, float] | None = None


BOUNDS = {
    "batch_size": Bound(1, 1 << 20, True, (32, 512)),
    "num_epochs": Bound(1, 1000, True, (3, 10)),
    "stack_size": Bound(1, 64, True),
    "lr": Bound(0, 1, False, (1e-8, 1e-3)),
    "e_greedy_value": Bound(0, 1),
    "epsilon_steps": Bound(0, 1e12, True),
    "beta_entropy": Bound(0, 1, False, (0, 1)),
    "discount_factor": Bound(0, 1, False, (0, 1)),
    "num_episodes_between_training": Bound(1, 100_000, True, (1, 100)),
    "term_cond_max_episodes": Bound(1, 1e12, True),
    "term_cond_avg_score": Bound(-1e12, 1e12),
    "sac_alpha": Bound(0, 1e6),
}
EXPLORATIONS = ("categorical", "e-greedy", "additive_noise")
LOSSES = ("mean squared error", "huber")
_SPELLINGS = {
    "mean_squared_error": "mean squared error",
    "mse": "mean squared error",
    "e_greedy": "e-greedy",
    "egreedy": "e-greedy",
    "additive noise": "additive_noise",
}


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """DeepRacer's settings of a learner, by its own names."""

    batch_size: int = 64
    num_epochs: int = 10
    stack_size: int = 1
    lr: float = 3e-4
    exploration_type: str = "categorical"
    e_greedy_value: float = 0.05
    epsilon_steps: int = 10_000
    beta_entropy: float = 0.01
    discount_factor: float = 0.999
    loss_type: str = "mean squared error"
    """"mean squared error" or "huber"."""
    num_episodes_between_training: int = 20
    term_cond_max_episodes: int = 100_000
    term_cond_avg_score: float = 100_000.0
    sac_alpha: float = 0.2
    given: tuple[str, ...] = ()
    """The names that the file gave; the others have their defaults."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What else the file has; DeepRacer does not look at it, and neither does the trainer."""

    @property
    def huber(self) -> bool:
        """Whether the value's error counts by Huber's loss."""
        return self.loss_type == "huber"

    def mapped(self, algorithm: str = "clipped_ppo") -> list[tuple[str, Any, str]]:
        """For every name: its value here, and what it becomes in stable-baselines3, in words.

        Args:
            algorithm: "clipped_ppo" or "sac".
        """
        words = _SAC if algorithm == "sac" else _PPO
        rows = [(name, getattr(self, name), self._became(name, words[name])) for name in NAMES]
        return rows + [(name, value, _unknown(name)) for name, value in self.unknown.items()]

    def as_dict(self) -> dict[str, Any]:
        """The same as the file has it, every name written out."""
        return {name: getattr(self, name) for name in NAMES} | dict(self.unknown)

    def text(self) -> str:
        """The file."""
        return json.dumps(self.as_dict(), indent=2) + "\n"

    def _became(self, name: str, words: str) -> str:
        value = getattr(self, name)
        offered = BOUNDS[name].offered if name in BOUNDS else None
        if name == "stack_size" and value != 1:
            words += f"; {value} was asked for"
        if name == "exploration_type" and value == "e-greedy":
            words += "; e-greedy is not used"
        if name not in self.given:
            return f"{words} (DeepRacer's default)"
        if offered and not offered[0] <= value <= offered[1]:
            return f"{words} (the console offers {offered[0]:g} to {offered[1]:g})"
        return words


NAMES = tuple(item.name for item in fields(Hyperparameters) if item.name not in ("given", "unknown"))

_PPO = {
    "batch_size": "batch_size",
    "num_epochs": "n_epochs",
    "stack_size": "nothing: observations are not stacked",
    "lr": "learning_rate",
    "exploration_type": "nothing: PPO tries what its own distribution says",
    "e_greedy_value": "nothing: PPO tries what its own distribution says",
    "epsilon_steps": "nothing: PPO tries what its own distribution says",
    "beta_entropy": "ent_coef",
    "discount_factor": "gamma",
    "loss_type": "the loss of the value function",
    "num_episodes_between_training": "whole episodes in a rollout, instead of n_steps",
    "term_cond_max_episodes": "training ends after so many episodes",
    "term_cond_avg_score": "training ends when an episode is paid that much on average",
    "sac_alpha": "nothing: PPO has none",
}
_SAC = _PPO | {
    "num_epochs": "nothing: SAC has none",
    "exploration_type": "nothing: SAC tries what its own distribution says",
    "e_greedy_value": "nothing: SAC tries what its own distribution says",
    "epsilon_steps": "nothing: SAC tries what its own distribution says",
    "beta_entropy": "nothing: SAC has sac_alpha",
    "loss_type": "nothing: SAC's critics use the mean squared error",
    "num_episodes_between_training": "nothing: SAC learns after every step",
    "sac_alpha": "ent_coef",
}


def read_hyperparameters(text: str, *, where: str = "hyperparameters.json") -> Hyperparameters:
    """What a `hyperparameters.json` says; remarks after // and commas before a bracket are overlooked.

    Raises:
        ConfigError: With the first problem, in one line.
    """
    try:
        given = json.loads(_plain(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not JSON ({' '.join(str(error).split())[:200]})") from None
    if not isinstance(given, dict):
        raise ConfigError(f"{where}: is a {type(given).__name__}, expected an object with names such as lr")
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in BOUNDS:
            found[name] = _number(name, value, where)
        elif name == "loss_type":
            found[name] = _word(name, value, LOSSES, where)
        elif name == "exploration_type":
            found[name] = _word(name, value, EXPLORATIONS, where)
    unknown = {name: value for name, value in given.items() if name not in NAMES}
    return Hyperparameters(**found, given=tuple(found), unknown=unknown)


def load_hyperparameters(path: str | Path) -> Hyperparameters:
    """The hyperparameters in a file.

    Raises:
        ConfigError: It cannot be read, or as `read_hyperparameters` does.
    """
    file = Path(path)
    try:
        return read_hyperparameters(file.read_text(encoding="utf-8-sig"), where=str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {getattr(error, 'strerror', error)}") from None


_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|,(?=\s*(?://[^\n]*\s*)*[}\]])')


def _plain(text: str) -> str:
    """JSON without remarks and without commas that nothing follows; strings stay as they are."""
    return _PIECES.sub(lambda found: found[0] if found[0][0] == '"' else "", text)


def _number(name: str, value: object, where: str) -> float | int:
    low, high, whole, _ = BOUNDS[name]
    try:
        number = float(value) if isinstance(value, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        number = float("nan")
    right = isfinite(number) and low <= number <= high and not isinstance(value, bool)
    if not right or (whole and number != int(number)) or (name == "lr" and number == 0):
        kind = "a whole number" if whole else "a number"
        raise ConfigError(f"{where}: {name} is {value!r}, expected {kind} from {low:g} to {high:g}")
    return int(number) if whole else number


def _word(name: str, value: object, known: tuple[str, ...], where: str) -> str:
    word = str(value).strip().lower()
    word = _SPELLINGS.get(word, word)
    if word not in known:
        raise ConfigError(f"{where}: {name} is {value!r}, expected one of {', '.join(known)}")
    return word


def _unknown(name: str) -> str:
    near = get_close_matches(name, NAMES, n=1, cutoff=0.75)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"nothing: DeepRacer has no such name{hint}"
