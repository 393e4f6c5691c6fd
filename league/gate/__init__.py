"""What stands between any driver and a physical car: the car's interface, its limits, and the gate.

Pure: no sockets, clocks or threads. Whoever uses it says what time it is.
"""
