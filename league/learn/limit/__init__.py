"""The least time that a car needs on a circuit: the optimal lap, a standing start, and both driven."""
