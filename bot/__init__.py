"""Everything that knows Slack, HTTP or a database."""

__version__ = "0.1.0"
