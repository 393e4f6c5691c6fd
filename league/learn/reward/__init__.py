"""What drivers are paid: a racer's reward function, what it is told, where it runs, and what is built in."""
