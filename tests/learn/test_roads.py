from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league import DEEPRACER, ConfigError, check_circuit
from league.learn.ground.roads import LENGTHS_M, generate, generated


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(0, 100))
def test_every_generated_circuit_can_be_driven(seed: int, number: int) -> None:
    circuit = generated(seed, number)
    check_circuit(circuit, car=DEEPRACER)
    # Arcs cut corners, curves round them: the length is about what was drawn.
    assert 0.5 * LENGTHS_M[0] < circuit.length_m < 1.5 * LENGTHS_M[1]


def test_the_same_seed_gives_the_same_circuits() -> None:
    first = [circuit.sha256 for circuit in generate("generated:4:3")]
    generated.cache_clear()
    assert [circuit.sha256 for circuit in generate("generated:4:3")] == first
    assert len(set(first)) == 4
    assert generate("generated:1:4")[0].sha256 not in first


def test_generated_circuits_turn_both_ways_and_differ_in_length_and_width() -> None:
    circuits = generate("generated:30:1")
    assert {circuit.clockwise for circuit in circuits} == {True, False}
    assert np.ptp([circuit.length_m for circuit in circuits]) > 20
    assert np.ptp([float(circuit.width_left_m.mean()) for circuit in circuits]) > 0.2


@pytest.mark.parametrize(
    "ref", ["generated:", "generated:0:1", "generated:3", "generated:9999:1", "generated:a:b"]
)
def test_what_asks_for_no_circuits_is_refused(ref: str) -> None:
    with pytest.raises(ConfigError, match="COUNT:SEED"):
        generate(ref)
