"""Cars as data: dimensions, limits and the parameters of the one vehicle model.

Pure: numbers only. The equations that use them are in `league.sim.kernel`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from math import isfinite, pi, radians
from typing import Any, ClassVar

from league.errors import ConfigError

# A model with one of these at 0 would divide by it, or never move.
_POSITIVE = (
    "length_m",
    "width_m",
    "max_steer_rad",
    "max_speed_mps",
    "base_m",
    "speed_lag_s",
    "steer_slow_s",
    "steer_fast_s",
    "yaw_lag_s",
    "lateral_mps2",
    "top_speed_mps",
    "speed_gain",
)
# With one of these below 0 a lag would grow instead of dying out, or brakes would accelerate.
_NOT_NEGATIVE = (
    "min_speed_mps",
    "steer_dead_s",
    "speed_dead_s",
    "steer_aligning_per_m",
    "corner_drag",
    "brake_mps2",
    "accelerate_mps2",
    "base_per_v2",
    "base_per_tan",
)


@dataclass(frozen=True, kw_only=True)
class CarSpec:
    """One kind of car. Lengths in m, angles in rad, times in s, speeds in m/s.

    The model is a single-track car with a two-stage steering servo, a speed controller with limited
    acceleration, an effective wheelbase that grows with speed and steering, and a soft limit of lateral
    acceleration, both of which may change under throttle and brakes; `league.sim.kernel` has the
    equations. Its points, all on the car's axis: the *origin* is
    the chassis origin, about midway between the axles; the *nose*, `nose_m` ahead of it, is the point that
    rules and lap times look at; the model itself moves a *base point* near the rear axle, `base_to_nose_m`
    behind the nose. Gains, times and limits without a note are terms of the equations.
    """

    LEAST_BASE_M: ClassVar[float] = 0.05
    """No effective wheelbase is shorter, however hard the car accelerates or brakes."""

    id: str
    name: str
    source: str
    """Where the figures come from."""

    # Dimensions.
    length_m: float
    width_m: float
    body_rear_m: float
    """From the origin back to the rear end of the body."""
    rear_axle_m: float
    """From the origin back to the rear axle."""
    front_axle_m: float
    """From the origin forward to the front axle."""
    rear_track_m: float
    front_track_m: float
    nose_m: float
    """From the origin forward to the point that is timed."""
    base_to_nose_m: float
    """From the base point of the model forward to the nose."""

    # What a driver may ask for.
    max_steer_rad: float
    min_speed_mps: float
    """A command below it, other than 0, is driven as this."""
    max_speed_mps: float
    """A command above it is refused."""

    # Steering.
    steer_dead_s: float
    """Time from a command to its first effect; both are rounded to whole physics steps."""
    speed_dead_s: float
    steer_kick: float
    """Share of a steering change that acts at once."""
    steer_slow_s: float
    steer_aligning_per_m: float
    """Self-aligning: how fast speed turns the servo back."""
    steer_fast_s: float
    steer_bias_rad: float

    # Speed.
    speed_gain: float
    top_speed_mps: float
    corner_drag: float
    speed_lag_s: float
    brake_mps2: float
    accelerate_mps2: float

    # Turning.
    base_m: float
    base_per_v2: float
    base_per_tan: float
    lateral_mps2: float
    yaw_lag_s: float
    base_per_push: float = 0.0
    """What an acceleration of 1 m/s² adds to the effective wheelbase: below 0 the rear steps out."""
    lateral_per_push: float = 0.0
    """What it adds to the lateral limit."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int | float) and not isfinite(value):
                raise ConfigError(f"car {self.id!r}: {item.name} is {value}, expected a finite number")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ConfigError(f"car {self.id!r}: {name} is {getattr(self, name)}, expected more than 0")
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ConfigError(f"car {self.id!r}: {name} is {getattr(self, name)}, expected 0 or more")
        most_mps2 = max(self.accelerate_mps2, self.brake_mps2) * abs(self.lateral_per_push)
        if most_mps2 >= self.lateral_mps2:
            raise ConfigError(
                f"car {self.id!r}: lateral_per_push takes {most_mps2:.2f} m/s² off the lateral limit, "
                f"expected less than its {self.lateral_mps2} m/s²"
            )
        for name in ("steer_dead_s", "speed_dead_s"):
            if getattr(self, name) > 1:
                raise ConfigError(f"car {self.id!r}: {name} is {getattr(self, name)}, expected 1 at most")
        if self.min_speed_mps > self.max_speed_mps or self.max_steer_rad >= pi / 2:
            raise ConfigError(
                f"car {self.id!r}: speeds {self.min_speed_mps} to {self.max_speed_mps} m/s, steering up to "
                f"{self.max_steer_rad} rad; expected a range and less than a right angle"
            )

    @property
    def wheelbase_m(self) -> float:
        """Distance between the axles."""
        return self.rear_axle_m + self.front_axle_m

    def changed(self, **figures: Any) -> CarSpec:
        """The same car with other figures."""
        return replace(self, **figures)

    def as_dict(self) -> dict[str, Any]:
        """Every figure by name, for recordings and the wire."""
        return asdict(self)


# The figures from `base_to_nose_m` on were fitted to recordings by `python -m league.testing.fit`; the
# axles, the body, the timed point and the range of commands are from the car's description files. Median
# errors after 1 s of driving by the recorded commands alone, on whole recordings held out: 9.4 cm and 5.7
# degrees; by generation 7.3 cm, 4.5 degrees and 13.7 cm, 4.9 degrees. The recordings are of two
# generations, which steer differently: those up to 2021 through a slow servo, those from 2022 on almost
# directly, and with a rear that steps out under throttle. `DEEPRACER` is one fit to both.
# Recordings hardly tell its lateral limit and top speed: from 2.9 to 3.3 m/s² the error of the fit changes by
# 0.3 %. They are set so that its fastest lap of 2022_summit_speedway is just below that board's record.
DEEPRACER = CarSpec(
    id="deepracer",
    name="AWS DeepRacer",
    source="fitted to 26 recorded runs of the AWS simulator (2020-2023); dimensions from its files",
    length_m=0.324,
    width_m=0.188,
    body_rear_m=0.158,
    rear_axle_m=0.0817,
    front_axle_m=0.0823,
    rear_track_m=0.162,
    front_track_m=0.159,
    nose_m=0.14,
    max_steer_rad=radians(30.0),
    min_speed_mps=0.1,
    max_speed_mps=4.0,
    steer_dead_s=0.018,
    speed_dead_s=0.035,
    base_to_nose_m=0.2079,
    steer_kick=0.2038,
    steer_slow_s=0.5731,
    steer_aligning_per_m=0.1164,
    steer_fast_s=0.02,
    steer_bias_rad=0.0246,
    speed_gain=1.0295,
    top_speed_mps=3.79,
    corner_drag=0.0138,
    speed_lag_s=0.1856,
    brake_mps2=3.2515,
    accelerate_mps2=2.8304,
    base_m=0.1376,
    base_per_v2=0.0332,
    base_per_tan=0.2243,
    lateral_mps2=3.14,
    yaw_lag_s=0.0559,
)

DEEPRACER_2021 = DEEPRACER.changed(
    id="deepracer-2021",
    name="AWS DeepRacer (up to 2021)",
    source="fitted to 16 recorded runs of the AWS simulator, versions 1 and 2 and 4 of 2021",
    base_to_nose_m=0.2109,
    steer_kick=0.2623,
    steer_slow_s=0.5408,
    steer_aligning_per_m=0.0,
    steer_fast_s=0.0421,
    steer_bias_rad=0.0254,
    speed_gain=1.0547,
    top_speed_mps=4.1613,
    corner_drag=0.0248,
    speed_lag_s=0.187,
    brake_mps2=3.3159,
    accelerate_mps2=2.7905,
    base_m=0.1777,
    base_per_v2=0.006,
    base_per_tan=0.2304,
    lateral_mps2=2.8943,
    yaw_lag_s=0.0674,
)

DEEPRACER_2022 = DEEPRACER.changed(
    id="deepracer-2022",
    name="AWS DeepRacer (2022 on)",
    source="fitted to 10 recorded runs of the AWS simulator, versions 3 and 4 of 2022-2023",
    base_to_nose_m=0.1798,
    steer_kick=1.0,
    steer_slow_s=0.1293,
    steer_aligning_per_m=2.0,
    steer_fast_s=0.02,
    steer_bias_rad=0.0068,
    speed_gain=1.0146,
    top_speed_mps=3.564,
    corner_drag=0.0055,
    speed_lag_s=0.1447,
    brake_mps2=3.1817,
    accelerate_mps2=2.8852,
    base_m=0.2069,
    base_per_v2=0.0089,
    base_per_tan=0.2636,
    lateral_mps2=3.2928,
    yaw_lag_s=0.1047,
    base_per_push=-0.05,
    lateral_per_push=0.65,
)

# Fitted to more recordings of that simulator than are at hand here; refitting to the two that are does worse
# on either when the other is all that the fit has seen.
DEEPRACER_GZSIM = DEEPRACER.changed(
    id="deepracer-gzsim",
    name="AWS DeepRacer (2026 simulator)",
    source="fitted to recorded runs of the community's Gazebo Sim / ROS 2 simulator (2026)",
    steer_dead_s=0.0185,
    speed_dead_s=0.0229,
    steer_kick=0.385,
    steer_slow_s=0.194,
    steer_aligning_per_m=0.233,
    steer_fast_s=0.064,
    steer_bias_rad=0.005,
    speed_gain=1.041,
    top_speed_mps=4.70,
    corner_drag=0.0321,
    speed_lag_s=0.056,
    brake_mps2=5.35,
    accelerate_mps2=8.45,
    base_m=0.120,
    base_per_v2=0.020,
    base_per_tan=0.281,
    lateral_mps2=4.67,
    yaw_lag_s=0.045,
    base_to_nose_m=0.227,
)

# The figures of f1tenth_gym's default car (mass 3.74 kg, yaw inertia 0.04712 kg m², friction 1.0489,
# cornering stiffness 4.718 front and 5.4562 rear per rad and unit of load), put into this model's terms.
F1TENTH = CarSpec(
    id="f1tenth",
    name="F1TENTH",
    source="the default parameters of f1tenth_gym in the terms of this model; not fitted to recordings",
    length_m=0.58,
    width_m=0.31,
    body_rear_m=0.29,  # the gym's outline is centred on its reference point
    rear_axle_m=0.17145,
    front_axle_m=0.15875,
    rear_track_m=0.26,  # the body's width less that of a tyre, about 0.05 m
    front_track_m=0.26,
    nose_m=0.29,  # front end of the body
    base_to_nose_m=0.17145 + 0.29,  # the base point lies on the rear axle, as in a kinematic bicycle
    max_steer_rad=0.4189,
    min_speed_mps=0.1,
    max_speed_mps=8.0,  # the gym permits 20; cars on real tracks of this size reach 5 to 7
    steer_dead_s=0.0,  # the gym has none
    speed_dead_s=0.0,
    # The servo turns at 3.2 rad/s. Swinging to full lock it lags by 0.4189 / 3.2 / 2 on average: that is
    # the lag here, all of it in the second stage (a kick of 1 makes the first one instant).
    steer_kick=1.0,
    steer_slow_s=0.0655,
    steer_aligning_per_m=0.0,
    steer_fast_s=0.0655,
    steer_bias_rad=0.0,
    speed_gain=1.0,
    top_speed_mps=8.0,
    corner_drag=0.0,
    speed_lag_s=0.21,  # the gym's speed controller: gain 10 x 9.51 / 20 per s
    brake_mps2=9.51,
    accelerate_mps2=9.51,
    base_m=0.3302,  # wheelbase
    # Understeer of the linear single-track car: (1 / 4.718 - 1 / 5.4562) / (1.0489 x 9.81).
    base_per_v2=0.0028,
    base_per_tan=0.0,
    lateral_mps2=10.29,  # friction times gravity
    yaw_lag_s=0.044,  # yaw inertia x speed / (lf² Cf + lr² Cr) at 5 m/s
)
