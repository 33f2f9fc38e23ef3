"""Slack: listens to people, and keeps one message per task alive."""
