"""The race server: an aiohttp application that hosts events."""
