"""Make the virtual environment and install into it, naming what the machine lacks.

Runs on a bare Python: standard library only.

    python scripts/bootstrap.py venv .venv
    python scripts/bootstrap.py install .venv ".[all,dev]"
"""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
from pathlib import Path

QT_LIBRARIES = {  # library -> Debian package
    "GL": "libgl1",
    "EGL": "libegl1",
    "glib-2.0": "libglib2.0-0",
    "xkbcommon": "libxkbcommon0",
    "fontconfig": "libfontconfig1",
    "dbus-1": "libdbus-1-3",
}


def make_venv(folder: Path) -> int:
    """Create the environment, or say what is missing to do so."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this script also meets older Pythons
        print("Python 3.11 or newer is needed; call make with PYTHON=python3.11.", file=sys.stderr)
        return 1
    if subprocess.call([sys.executable, "-m", "venv", str(folder)]) != 0:
        print(
            "The virtual environment cannot be made; on Debian and Ubuntu install it with: "
            "sudo apt-get install python3-venv",
            file=sys.stderr,
        )
        return 1
    return 0


def install(folder: Path, what: str) -> int:
    """Install the project with pip and explain a missing compiler or Qt library."""
    print(f"Installing {what} into {folder}; the first time takes some minutes.", flush=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", "-e", what]
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    if run.returncode != 0:
        print(run.stderr[-4000:], file=sys.stderr)
        if "hnswlib" in run.stderr and ("gcc" in run.stderr or "g++" in run.stderr):
            print(
                "hnswlib needs a C++ compiler and Python's headers; on Debian and Ubuntu: "
                "sudo apt-get install g++ python3-dev",
                file=sys.stderr,
            )
        return run.returncode
    if sys.platform.startswith("linux"):
        missing = [p for lib, p in QT_LIBRARIES.items() if ctypes.util.find_library(lib) is None]
        if missing:
            print(
                f"The window needs system libraries; on Debian and Ubuntu: "
                f"sudo apt-get install {' '.join(missing)}",
                file=sys.stderr,
            )
    return 0


def main() -> int:
    """Run the verb that the Makefile asks for."""
    verb, folder = sys.argv[1], Path(sys.argv[2])
    return make_venv(folder) if verb == "venv" else install(folder, sys.argv[3])


if __name__ == "__main__":
    sys.exit(main())
