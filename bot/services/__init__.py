"""One thing a person can ask for, per method: used by HTTP, the terminal and Slack alike."""
