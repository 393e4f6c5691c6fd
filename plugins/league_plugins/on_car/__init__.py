"""Files that go onto a car: each needs nothing but its own Python, so that one file can be copied."""
