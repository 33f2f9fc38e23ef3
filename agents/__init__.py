"""The pipeline: from a sentence to a checked, running web app."""
