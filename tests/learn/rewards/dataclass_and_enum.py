from __future__ import annotations

from collections import deque, namedtuple, OrderedDict, defaultdict
from dataclasses import dataclass, field
from enum import Enum
from typing import List, Optional, Tuple, Dict
import functools
import itertools

Pose = namedtuple('Pose', 'x y')


class Zone(Enum):
    FAST = 1
    SLOW = 2


@dataclass
class Past:
    poses: List[Pose] = field(default_factory=list)
    speeds: deque = field(default_factory=lambda: deque(maxlen=5))
    best: Optional[float] = None


PAST = Past()
SEEN: Dict[int, int] = defaultdict(int)


@functools.lru_cache(maxsize=None)
def zone(k: int) -> Zone:
    return Zone.SLOW if k % 10 < 3 else Zone.FAST


def reward_function(params: dict) -> float:
    PAST.poses.append(Pose(params['x'], params['y']))
    PAST.speeds.append(params['speed'])
    SEEN[params['closest_waypoints'][1]] += 1
    mean = sum(PAST.speeds) / len(PAST.speeds)
    PAST.best = max(PAST.best or 0.0, mean)
    last: Tuple[Pose, ...] = tuple(itertools.islice(reversed(PAST.poses), 2))
    bonus = 0.5 if zone(params['closest_waypoints'][1]) is Zone.FAST else 0.1
    return mean / max(PAST.best, 0.1) + bonus * len(last)
