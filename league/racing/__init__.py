"""Racing without a server: the agent contract, rules, referee, heats, formats, recordings.

Pure: no asyncio, sockets, clocks, threads or databases.
"""

BEHAVIOR = 3
"""Results are comparable only within one behaviour version; any change to physics or rules raises it."""
