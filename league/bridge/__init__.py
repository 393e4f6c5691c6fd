"""A physical car in the league: the process between the car's own interface and the server.

The bridge is a client like every other (`league.client`); its car is driven through the gate (`league.gate`),
watched by a guardian in a process of its own, and armed by a person who stands beside it.
"""
