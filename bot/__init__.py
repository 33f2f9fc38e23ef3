"""Everything that knows Slack, HTTP or a database."""
