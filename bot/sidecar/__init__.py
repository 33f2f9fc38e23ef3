"""The HTTP side: JSON, Server-Sent Events, and the page."""
