"""The server: events hosted over HTTP and WebSockets, one asyncio application."""
