"""Apps that come from elsewhere: fetched under guard, unpacked under caps, and recognised.

Everything in here treats what it reads as data from a stranger.
"""
