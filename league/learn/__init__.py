"""Learning to drive: environments for the common libraries over batches of worlds."""
