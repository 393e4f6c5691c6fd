"""Pages for people: what stands on them and what they are made of."""
