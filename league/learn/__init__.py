"""Learning and planning over many laps: environments for the common libraries, the limit of a circuit."""
