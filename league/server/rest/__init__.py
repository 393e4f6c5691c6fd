"""The REST interface: routes, the shapes of what they take and give, and their description."""
