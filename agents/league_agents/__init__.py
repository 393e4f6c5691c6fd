"""House drivers; one module is one driver."""
