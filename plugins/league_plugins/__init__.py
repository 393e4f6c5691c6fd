"""Plugins that come with the league; one module is one plugin."""
