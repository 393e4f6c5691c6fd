from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import (
    DEEPRACER,
    CameraSensor,
    ConfigError,
    EntryPlan,
    HeatPlan,
    League,
    LidarSensor,
    Noisy,
    PoseSensor,
    Rules,
    SectorLidarSensor,
    StateSensor,
    UnknownNameError,
    World,
    race,
)
from league.racing.heat import Heat
from league.sim.noise import make_sensor
from league.sim.options import read_asked
from league.sim.sensor import Seeded, offered, stream


@pytest.fixture
def pair(airfield):
    """Two cars that drive along a straight, ten ticks of them."""
    world = World(airfield, [DEEPRACER] * 2)
    world.place(0, 4.0, speed_mps=1.0)
    world.place(1, 9.0, 1.0, speed_mps=2.0)
    return world


def drive(world, *sensors, ticks=10):
    seen = [[sensor.sense(world) for sensor in sensors]]
    for _ in range(ticks):
        world.step([[0.05, 1.0], [-0.05, 2.0]])
        seen.append([sensor.sense(world) for sensor in sensors])
    return [np.stack(rows) for rows in zip(*seen, strict=True)]


# -- noise -----------------------------------------------------------------------------------------


def test_noise_has_the_deviation_it_says_and_no_bias(pair):
    exact, noisy = drive(pair, LidarSensor(), Noisy(LidarSensor(), sigma=0.01), ticks=40)
    inside = (exact > 0.3) & (exact < 11.9)
    off = (noisy - exact)[inside]
    assert off.size > 2000
    assert abs(off.mean()) < 0.001
    assert off.std() == pytest.approx(0.01, rel=0.05)


def test_noise_stays_within_the_range_of_the_sensor(pair):
    (seen,) = drive(pair, Noisy(LidarSensor(), sigma=50.0))
    assert seen.min() == np.float32(0.15)
    assert seen.max() == 12.0
    (frames,) = drive(pair, Noisy(CameraSensor(), sigma=40.0), ticks=1)
    assert frames.min() == 0
    assert frames.max() == 255
    assert (frames == np.rint(frames)).all()


def test_the_same_seed_gives_the_same_noise_and_another_gives_other(pair):
    sensor = Noisy(LidarSensor(), sigma=0.05)
    seen = []
    for seed in (3, 3, 4):
        sensor.begin(seed)
        seen.append(sensor.sense(pair))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()


def test_every_car_has_noise_of_its_own_that_no_other_car_changes(airfield, pair):
    alone = World(airfield, [DEEPRACER])
    alone.place(0, 4.0, speed_mps=1.0)
    blind = {"borders": False}
    first, second = Noisy(LidarSensor(**blind), sigma=0.01), Noisy(LidarSensor(**blind), sigma=0.01)
    with_other, without = first.sense(pair)[0], second.sense(alone)[0]
    # What both see at the limit is cut off by the same noise.
    far = (LidarSensor(**blind).sense(pair)[0] == 12.0) & (LidarSensor(**blind).sense(alone)[0] == 12.0)
    np.testing.assert_array_equal(with_other[far], without[far])
    noise = [stream(1, "lidar", car).standard_normal(8) for car in range(3)]
    assert len({tuple(row) for row in noise}) == 3
    assert (stream(1, "camera", 0).standard_normal(8) != noise[0]).all()


def test_a_car_that_is_not_there_has_no_noise(pair):
    pair.remove(1)
    assert not Noisy(LidarSensor(), sigma=0.1, latency_ticks=2).sense(pair)[1].any()


def test_sectors_are_read_off_noisy_distances(pair):
    sensor = Noisy(SectorLidarSensor(near_m=2.0), sigma=1.0)
    (seen,) = drive(pair, sensor, ticks=20)
    assert set(np.unique(seen)) == {0.0, 1.0}
    (exact,) = drive(pair, SectorLidarSensor(near_m=2.0), ticks=20)
    assert (seen != exact).any()


def test_noise_on_numbers_of_many_kinds_is_refused():
    for kind in (StateSensor, PoseSensor):
        with pytest.raises(ConfigError, match="its numbers differ in kind"):
            Noisy(kind(), sigma=0.1)


# -- latency ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("latency", [0, 1, 4])
def test_a_late_sensor_shows_what_was_so_many_ticks_ago(pair, latency):
    late, now = drive(pair, Noisy(StateSensor(), latency_ticks=latency), StateSensor())
    for tick in range(11):
        np.testing.assert_array_equal(late[tick], now[max(tick - latency, 0)])


def test_asking_again_within_a_tick_gives_the_same(pair):
    sensor = Noisy(LidarSensor(), sigma=0.1, latency_ticks=1)
    first = sensor.sense(pair)
    first_again = sensor.sense(pair)
    np.testing.assert_array_equal(first, first_again)
    first[:] = 0  # and what was given away can be written to
    assert sensor.sense(pair).any()


def test_a_new_start_forgets_the_past(pair):
    sensor = Noisy(PoseSensor(), latency_ticks=5)
    drive(pair, sensor)
    sensor.begin(1)
    np.testing.assert_array_equal(sensor.sense(pair), PoseSensor().sense(pair))


@pytest.mark.parametrize(
    ("sigma", "latency", "words"),
    [
        (-0.1, 0, "noise is -0.1, expected 0 or more"),
        (float("nan"), 0, "noise is nan, expected 0 or more"),
        (0.0, 61, "latency is 61, expected whole ticks from 0 to 60"),
        (0.0, 1.5, "latency is 1.5, expected whole ticks from 0 to 60"),
        (0.0, -1, "latency is -1, expected whole ticks from 0 to 60"),
    ],
)
def test_noise_and_latency_out_of_range_are_refused(sigma, latency, words):
    with pytest.raises(ConfigError, match=f"sensor 'lidar': {words}"):
        Noisy(LidarSensor(), sigma=sigma, latency_ticks=latency)


def test_a_noisy_sensor_says_so_and_keeps_its_name(pair):
    sensor = Noisy(LidarSensor(), sigma=0.01, latency_ticks=2)
    assert (sensor.name, sensor.id, sensor.size) == ("lidar", "lidar.v1", 64)
    said = sensor.describe()
    assert said["noise"] == 0.01
    assert said["latency_ticks"] == 2
    assert said["farthest_m"] == 12.0


# -- asking for sensors ----------------------------------------------------------------------------


def test_a_league_makes_sensors_with_options():
    league = League()
    plain = league.sensor("lidar")
    assert not isinstance(plain, Seeded)
    asked = league.sensor("lidar?noise=0.01&latency=1&reach_m=1&rear=1")
    assert isinstance(asked, Noisy)
    assert (asked.sigma, asked.latency_ticks) == (0.01, 1)
    assert asked.describe()["farthest_m"] == 1.0
    assert asked.describe()["angle_first_rad"] > 0
    assert league.sensor("lidar-sectors?sectors=16").size == 16
    assert league.sensor("camera?vary=0.5").describe()["vary"] == 0.5
    names = ["state", "pose", "lidar", "lidar-f1tenth", "lidar-sectors", "lidar-discretized", "camera"]
    for name in [*names, "camera-stereo"]:
        assert league.sensor(name).name == league.sensor(f"{name}?latency=1").name == name


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("lidar?", "sensor 'lidar?': expected NAME or NAME?OPTION=NUMBER"),
        ("?noise=1", "expected NAME or"),
        ("lidar?noise", "found 'noise', expected OPTION=NUMBER"),
        ("lidar?noise=much", "found 'noise=much', expected OPTION=NUMBER"),
        ("lidar?noise=inf", "found 'noise=inf', expected OPTION=NUMBER"),
        ("lidar?=1", "found '=1', expected OPTION=NUMBER"),
        ("lidar?noise=1&noise=2", "gives noise twice"),
        (
            "lidar?nose=1",
            "sensor 'lidar' has no option 'nose', expected borders, latency, noise, reach_m, rear",
        ),
        ("lidar?rear=2", "rear is 2, expected 0 or 1"),
        ("lidar-sectors?sectors=1.5", "sectors is 1.5, expected a whole number"),
        ("lidar-sectors?sectors=5", "sectors is 5, expected a divisor"),
        ("lidar?latency=0.5", "latency is 0.5, expected whole ticks"),
        ("state?noise=0.1", "sensor 'state': its numbers differ in kind"),
        ("camera?vary=2", "vary is 2.0, expected 0 to 1"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(asked, words):
    with pytest.raises(ConfigError) as caught:
        League().sensor(asked)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_sensor_with_options_is_unknown():
    with pytest.raises(UnknownNameError, match="no sensor is called 'lidr'"):
        League().sensor("lidr?noise=1")


@given(st.text(max_size=40))
def test_any_text_is_a_sensor_with_options_or_refused(text):
    try:
        name, options = read_asked(text)
    except ConfigError:
        return
    assert name
    assert np.isfinite(list(options.values())).all()


def test_a_plugins_sensor_takes_its_own_arguments_as_options():
    made = []

    def make(*, count: int = 3, deep: bool = False, far: float = 1.0):
        made.append((count, deep, far))
        return PoseSensor()

    make_sensor("mine", make, {"count": 4.0, "deep": 1.0})
    assert made == [(4, True, 1.0)]
    assert [type(value) for value in made[0]] == [int, bool, float]


def test_rules_name_each_sensor_once_with_or_without_options():
    assert Rules(sensors=("state", "lidar?noise=0.01")).sensors == ("state", "lidar?noise=0.01")
    with pytest.raises(ConfigError, match="names a sensor twice"):
        Rules.parse({"sensors": ["lidar", "lidar?noise=0.01"]})
    with pytest.raises(ConfigError, match="expected OPTION=NUMBER"):
        Rules.parse({"sensors": ["lidar?noise"]})


def test_of_several_ways_to_ask_for_a_sensor_the_one_with_options_is_offered():
    assert offered("state", "pose", "lidar?noise=0.1", "lidar") == ("state", "pose", "lidar?noise=0.1")
    assert offered("state", "pose", "state?latency=1") == ("state?latency=1", "pose")


def test_a_heat_begins_its_sensors_with_its_seed(airfield):
    begun = []

    class Watching(PoseSensor):
        def begin(self, seed):
            begun.append(seed)

    plan = HeatPlan(
        id="h",
        phase="test",
        circuit="airfield",
        car="deepracer",
        seed=41,
        rules=Rules(sensors=("state", "pose", "lidar?noise=0.05")),
        grid=(EntryPlan(id="a", name="A"),),
    )
    sensors = [StateSensor(), Watching(), Noisy(LidarSensor(), sigma=0.05)]
    seen = Heat(plan, airfield, DEEPRACER, sensors).observe()[0].sensors["lidar"]
    assert begun == [41]
    again = Heat(plan, airfield, DEEPRACER, [Noisy(LidarSensor(), sigma=0.05)]).observe()[0].sensors["lidar"]
    np.testing.assert_array_equal(seen, again)
    other = Heat(
        plan.model_copy(update={"seed": 42}), airfield, DEEPRACER, [Noisy(LidarSensor(), sigma=0.05)]
    )
    assert (other.observe()[0].sensors["lidar"] != seen).any()


def test_a_race_may_ask_for_noisy_sensors_by_name():
    """The driver finds its LIDAR under the plain name."""
    outcome = race(
        "a-to-z-speedway",
        ["follow-the-gap"],
        rules=Rules(laps=1, sensors=("state", "lidar?noise=0.01&latency=1")),
    )
    assert outcome.heats[0].entries[0].status == "FIN"
