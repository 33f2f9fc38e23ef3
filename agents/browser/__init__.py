"""A real browser that looks at previews: the system's Chromium, driven by Playwright.

`session` keeps one browser for all looks; `driver` starts it and gives each look a fresh profile;
`visit` is one look; `probes` is what runs inside the page; `way_out` decides where the page may
connect to; `chromium` finds the program. Playwright because it is maintained and drives the system's
own Chromium over a pipe: no port that others could connect to, no browser to download.
"""
