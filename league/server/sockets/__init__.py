"""Sockets that stay open: drivers, viewers, and what stands beside the track."""
