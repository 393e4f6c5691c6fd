"""Exports: a recording in forms that other programs open."""
