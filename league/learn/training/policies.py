"""Networks: from what a driver sees to what stable-baselines3's policies learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from league.learn.ground.senses import ROAD_SIZE, Sight, state_scale
from league.learn.settings.recipe import Learning, Recipe
from league.sim.layout import AHEAD_M, AHEAD_START, OPPONENTS_START

Floats = NDArray[np.float32]

# How far ahead of the car each segment of the line that `Watching` compares with begins.
_BEGINS = torch.tensor([AHEAD_M[0] * k for k in range(-1, len(AHEAD_M))], dtype=torch.float32)

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


class Looks(NamedTuple):
    """A network for pictures."""

    convolutions: tuple[tuple[int, int, int], ...]
    """Filters, kernel and stride of each."""
    dense: tuple[int, ...]
    """Widths of the layers behind them."""
    middle: tuple[int, ...]
    """Widths of the layers behind these, which in DeepRacer all sensors share; rectified."""
    activation: str


VISION = {
    "shallow": Looks(((32, 8, 4), (64, 4, 2), (64, 3, 1)), (), (512,), "relu"),
    "default": Looks(((32, 5, 2), (32, 3, 1), (64, 3, 2), (64, 3, 1)), (64,), (512,), "tanh"),
    "deep": Looks(((32, 8, 4), (32, 4, 2), (64, 4, 2), (64, 3, 1)), (512, 512), (256, 128), "relu"),
}
"""DeepRacer's networks, as its simulator builds them; the deep one without its batch normalisation and
dropout, which make the same answer more likely one time and less the next, and PPO compares the two."""


class Features(BaseFeaturesExtractor):
    """What the layers behind it learn from: numbers as shares of their range, pictures seen by DeepRacer's.

    Args:
        space: Of the observations, one flat vector or one picture.
        sights: Where each sensor's numbers are.
        vision: Which of DeepRacer's networks looks at pictures.
        seen: How many opponents of the state observation it looks at.
    """

    def __init__(self, space: Any, sights: Sequence[Sight], vision: str = "shallow", seen: int = 0) -> None:
        parts = [_part(sight, vision, seen) for sight in sights]
        super().__init__(space, sum(width for _, width in parts))
        self.sights = tuple(sights)
        self.parts = nn.ModuleList([part for part, _ in parts])

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """The features of a batch of observations."""
        if len(self.sights) == 1:
            found: torch.Tensor = self.parts[0](seen)
            return found
        shown = [
            part(seen[:, sight.start : sight.start + sight.size].reshape(-1, *sight.shape))
            for part, sight in zip(self.parts, self.sights, strict=True)
        ]
        return torch.cat(shown, dim=1)


class Scaled(nn.Module):
    """The first entries of a vector, each divided by what it is about at most."""

    shares: torch.Tensor

    def __init__(self, scale: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        super().__init__()
        self.register_buffer("shares", torch.from_numpy(1.0 / scale))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Shares of the range."""
        return seen[:, : len(self.shares)] * self.shares


class Vision(nn.Module):
    """DeepRacer's layers for a picture of grey levels."""

    def __init__(self, shape: tuple[int, ...], kind: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        depth = shape[0]
        looks = VISION[kind]
        bend = ACTIVATIONS[looks.activation]
        for filters, kernel, stride in looks.convolutions:
            layers += [nn.Conv2d(depth, filters, kernel, stride), bend()]
            depth = filters
        layers.append(nn.Flatten())
        with torch.no_grad():
            width = int(nn.Sequential(*layers)(torch.zeros(1, *shape)).shape[1])
        behind = [(wide, bend) for wide in looks.dense] + [(wide, nn.ReLU) for wide in looks.middle]
        for wide, curve in behind:
            layers += [nn.Linear(width, wide), curve()]
            width = wide
        self.layers, self.width = nn.Sequential(*layers), width

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Features of pictures of shape (batch, cameras, 120, 160), 0 to 255."""
        found: torch.Tensor = self.layers(seen.float() / 255.0 - 0.5)
        return found


def _part(sight: Sight, vision: str, seen: int) -> tuple[nn.Module, int]:
    if len(sight.shape) == 3:
        part = Vision(sight.shape, vision)
        return part, part.width
    if sight.name == "state" and seen:
        watching = Watching(seen)
        return watching, watching.width
    if sight.name == "state":
        return Scaled(state_scale()[:ROAD_SIZE]), ROAD_SIZE
    reach = 3.0 if sight.name in ("lidar", "lidar-f1tenth") else 1.0
    return Scaled(np.full(sight.size, reach, dtype=np.float32)), sight.size


def seen_of(recipe: Recipe) -> int:
    """How many opponents a recipe's driver looks at."""
    return recipe.objects.seen if recipe.objects.any and "state" in recipe.sensors else 0


def policy_options(learning: Learning, sights: Sequence[Sight], seen: int = 0) -> dict[str, Any]:
    """What stable-baselines3's policies are to be built with."""
    options: dict[str, Any] = {
        "features_extractor_class": Features,
        "features_extractor_kwargs": {"sights": tuple(sights), "vision": learning.vision, "seen": seen},
        "activation_fn": ACTIVATIONS[learning.activation],
        "normalize_images": False,
    }
    widths = list(learning.network)
    pictures = any(len(sight.shape) == 3 for sight in sights)
    if learning.algorithm == "sac":
        return options | {"net_arch": {"pi": widths, "qf": widths}}
    # DeepRacer's networks end in a dense layer of their own; policy and value share it.
    widths = [] if pictures else widths
    return options | {
        "net_arch": {"pi": widths, "vf": widths},
        "log_std_init": learning.log_std,
        "optimizer_kwargs": {"eps": 1e-5},
    }


class Watching(nn.Module):
    """The road of a state observation, scaled, and the nearest opponents as they lie on that road.

    Where an opponent is in the car's frame says little of which lane it is on behind a bend. So each is
    compared with the points of the centre line that the car sees: the segment that is nearest to it says how
    far along the road it is and how far to the left of the line.

    Args:
        seen: How many opponents.
    """

    EACH = 8

    def __init__(self, seen: int) -> None:
        super().__init__()
        self.seen, self.width = seen, ROAD_SIZE + self.EACH * seen
        self.road = Scaled(state_scale()[:ROAD_SIZE])

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Features of state observations, shape (batch, 105)."""
        found = [self.road(seen)]
        ahead = seen[:, AHEAD_START:OPPONENTS_START].reshape(-1, len(AHEAD_M), 5)[:, :, :2]
        step = ahead[:, 1:2] - ahead[:, :1]
        # Two more points, straight on to the car and behind it, for whoever is beside.
        line = torch.cat((ahead[:, :1] - 2.0 * step, ahead[:, :1] - step, ahead), dim=1)
        begin, span = line[:, :-1], line[:, 1:] - line[:, :-1]
        length = span.norm(dim=2).clamp(min=1e-3)
        along_x, along_y = span[..., 0] / length, span[..., 1] / length
        for number in range(self.seen):
            at = OPPONENTS_START + 5 * number
            other = seen[:, at : at + 5]
            dx, dy = other[:, 1:2] - begin[..., 0], other[:, 2:3] - begin[..., 1]
            on = dx * along_x + dy * along_y
            beside = dy * along_x - dx * along_y
            past = on - on.clamp(min=0.0).minimum(length)
            weight = torch.softmax(-(past**2 + beside**2) / 0.01, dim=1)
            far = (weight * (on + _BEGINS)).sum(dim=1)
            aside = (weight * beside).sum(dim=1)
            there = (other[:, 0] > 0.0) & (far > -0.5) & (far < 4.5)
            shown = there.to(seen.dtype)
            near = shown * torch.exp(-far.clamp(min=0.0))
            relative = other[:, 4] - seen[:, 0]
            is_box = (other[:, 0] > 1.5).to(seen.dtype)
            kinds = (shown, shown * is_box, shown * far / 2.0, shown * aside / 0.3)
            more = (near, near * aside / 0.2, shown * relative / 2.0, near * other[:, 2])
            found.append(torch.stack((*kinds, *more), dim=1))
        return torch.cat(found, dim=1)


class PlainLayers:
    """The acting half of a policy of plain layers over one sensor's numbers, outside torch.

    Args:
        policy: Whose it is.
        shares: What observations are multiplied by; there may be more of them than the policy looks at.
        layers: The dense layers, the answering one last.
        bend: What lies between them.
    """

    def __init__(
        self, policy: Any, shares: Floats, layers: Sequence[nn.Linear], bend: Callable[[Floats], Floats]
    ) -> None:
        self.shares, self.layers, self.bend = shares, tuple(layers), bend
        self.discrete = hasattr(policy.action_space, "n")
        # A row for each input, and one for the bias.
        self._shapes = [(layer.in_features + 1, layer.out_features) for layer in self.layers]
        self._ends = np.cumsum([0] + [rows * columns for rows, columns in self._shapes])

    def matrices(self) -> list[Floats]:
        """Each layer's weights, shape (inputs + 1, outputs), the bias in the last row."""
        return [
            np.vstack([layer.weight.detach().numpy().T, layer.bias.detach().numpy()]) for layer in self.layers
        ]

    def weights(self) -> Floats:
        """All of them as one vector."""
        return np.concatenate([matrix.ravel() for matrix in self.matrices()])

    def scale(self) -> Floats:
        """How much the weights of each one's layer differ from one another, as long as `weights`."""
        return np.concatenate([np.full(matrix.size, matrix[:-1].std()) for matrix in self.matrices()])

    def take(self, weights: Floats) -> None:
        """Give the policy these weights."""
        with torch.no_grad():
            for layer, (matrix,) in zip(self.layers, self.split(weights[None]), strict=True):
                layer.weight.copy_(torch.from_numpy(matrix[:-1].T.copy()))
                layer.bias.copy_(torch.from_numpy(matrix[-1].copy()))

    def split(self, weights: Floats) -> list[Floats]:
        """Rows of weights, shape (policies, size), as matrices of shape (policies, inputs + 1, outputs)."""
        return [
            np.ascontiguousarray(weights[:, start:end]).reshape(-1, *shape)
            for start, end, shape in zip(self._ends, self._ends[1:], self._shapes, strict=False)
        ]

    def answer(self, seen: Floats, matrices: Sequence[Floats]) -> Floats:
        """Means or preferences of several policies, each for rows of its own.

        Args:
            seen: Observations, shape (policies, rows, numbers).
            matrices: Of `split`.
        """
        found: Floats = seen[..., : len(self.shares)] * self.shares
        for number, matrix in enumerate(matrices):
            found = np.matmul(found, matrix[:, :-1]) + matrix[:, -1:]
            if number < len(matrices) - 1:
                found = self.bend(found)
        return found

    def choose(self, found: Floats) -> NDArray[Any]:
        """The best answers, as a ground's actions want them."""
        return found.argmax(axis=1) if self.discrete else np.clip(found, -1.0, 1.0)


def plain_layers(policy: Any) -> PlainLayers | None:
    """The acting half of a policy, if it is made of plain layers over one sensor's numbers."""
    features = getattr(policy, "pi_features_extractor", None)
    first = features.parts[0] if isinstance(features, Features) and len(features.parts) == 1 else None
    if not isinstance(first, Scaled):
        return None
    inner = [*policy.mlp_extractor.policy_net, policy.action_net]
    dense = [layer for layer in inner if isinstance(layer, nn.Linear)]
    kinds = {type(layer) for layer in inner} - {nn.Linear}
    if kinds - CURVES.keys() or len(kinds) > 1 or len(inner) != 2 * len(dense) - 1:
        return None
    bend = CURVES[kinds.pop()] if kinds else lambda given: given
    return PlainLayers(policy, first.shares.numpy(), dense, bend)


CURVES: dict[type, Callable[[Floats], Floats]] = {
    nn.Tanh: lambda given: np.tanh(given, out=given),
    nn.ReLU: lambda given: np.maximum(given, 0.0, out=given),
}
