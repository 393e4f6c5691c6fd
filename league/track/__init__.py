"""Circuits: geometry, our own file format, and the check that a car can drive one."""
