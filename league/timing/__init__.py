"""Timing devices: a camera above the track, light gates, and what else sees cars cross a line.

Programs of their own, which tell the server over `/ws/timing`; the server judges nothing by itself.
"""
