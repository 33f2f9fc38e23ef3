"""Finding the system's Chromium, and starting it so that it owns nothing of ours.

It gets a home of its own that is thrown away, an environment without our secrets, and, when we are
root, another user without capabilities, under whom its own sandbox works. That sandbox is what
keeps a page that breaks its renderer from this machine. The other user is the weaker wall behind
it: nothing of ours is changed, and no file, process or environment is read that only we may read;
but files that everybody may read are, and the network is this machine's own, where a browser that
no longer obeys goes past `way_out`. So it runs with `--no-sandbox` only where we are root and
Chromium itself says that it has no usable sandbox (some containers). As ourselves it never does:
then there is no browser, and previews are checked over HTTP alone.
"""

import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
_GUEST_UID = 65_431
"""Whom the browser runs as when we are root; not the user that sandboxed commands run as."""

SWITCHES = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the proxy resolves
    "--js-flags=--max-old-space-size=512",
    "--disable-quic",
    "--mute-audio",
)

# When we die, the pipe that the browser is driven by closes: it ends, and its home is deleted, and
# so is the empty folder that Playwright made for it.
_START = """#!/bin/sh
echo $$ >{home}/pid
{command} "$@" --user-data-dir={home}/profile
for option; do
  case $option in --user-data-dir=*) rmdir "${{option#*=}}" 2>/dev/null ;; esac
done
rm -rf {home}
"""


def find_chromium() -> Path | None:
    """The browser of this machine, if there is one."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    return next((path for path in _APPLICATIONS if path.exists()), None)


@dataclass(frozen=True, slots=True)
class Home:
    """A folder for one run of the browser: `start` is the program to run, `profile` is its own."""

    folder: Path

    @classmethod
    def make(cls, program: Path) -> "Home":
        """Raises: OSError. Blocks."""
        home = cls(Path(tempfile.mkdtemp(prefix="zapdev-browser-")))
        try:
            home._furnish(program)
        except OSError:
            home.destroy()
            raise
        return home

    def _furnish(self, program: Path) -> None:
        self.profile.mkdir(mode=0o700)
        command = [str(program)]
        if os.geteuid() == 0:
            self.folder.chmod(0o711)
            os.chown(self.profile, _GUEST_UID, _GUEST_UID)
            guest = ["--reuid", str(_GUEST_UID), "--regid", str(_GUEST_UID), "--clear-groups"]
            command = ["setpriv", *guest, "--inh-caps=-all", "--no-new-privs", "--", *command]
        folder = shlex.quote(str(self.folder))
        self.start.write_text(_START.format(home=folder, command=shlex.join(command)))
        self.start.chmod(0o700)

    @property
    def start(self) -> Path:
        return self.folder / "start"

    @property
    def profile(self) -> Path:
        return self.folder / "profile"

    @property
    def env(self) -> Mapping[str, str]:
        """All that the browser gets to know of our environment."""
        profile = str(self.profile)
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            **dict.fromkeys(("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), profile),
        }

    def destroy(self) -> None:
        """Kill what still runs here, and delete the folder. Twice is fine. Blocks."""
        with suppress(OSError, ValueError):
            pid = int((self.folder / "pid").read_text())
            if _mentions(pid, self.folder):
                os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _mentions(pid: int, folder: Path) -> bool:
    """Whether this still is our process, and not another one with its number."""
    proc = Path("/proc")
    if not (proc / "self").exists():
        return True
    return os.fsencode(folder) in (proc / str(pid) / "cmdline").read_bytes()


def may_run_unsandboxed() -> bool:
    """Whether the browser runs as a user who owns nothing, so that it may do without a sandbox."""
    return os.geteuid() == 0


class BrowserFailed(Exception):
    """The browser did not start, has crashed or does not answer; the text says which."""


class NoSandbox(BrowserFailed):
    """It did not start because this system does not let it have a sandbox of its own."""
