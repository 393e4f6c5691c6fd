"""The world: cars on a circuit, advanced by a fixed physics step, and the sensors that look at it."""
