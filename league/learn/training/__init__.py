"""Training itself: networks, the learner, the pit that looks after it, and the run from recipe to model."""
