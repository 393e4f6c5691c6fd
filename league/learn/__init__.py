"""What learns from driving or computes how to drive: training, evaluation, the limit of a circuit."""
