"""Designs of Figma: their addresses, the API, and what of a frame a model gets to read."""
