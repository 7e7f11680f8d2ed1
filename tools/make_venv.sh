#!/bin/sh
# Make .venv with scartools and its test tools, or do nothing when it is there and up to date.
# What a bare machine may lack, and what happens then:
#   ensurepip (Debian's python3-venv)  installed with apt-get when we are root or sudo asks nothing; else one line says so
#   pip in the system                  not needed
#   groff                              not needed here: the checks of the man pages' troff are skipped, loudly
#   git, libGL, a compiler             never needed (OpenCV is the headless build, every package is a wheel or pure Python)
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "make venv: error: $python is $("$python" -V 2>&1), Python 3.11 or newer is due. Set PYTHON=/path/to/python3.11." >&2
    exit 2
}
# the wishes this environment was made from: a change to any of them makes it again, a change to a lint rule does not
wishes=$("$python" - <<'PY'
import hashlib, pathlib, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
wanted = [project[key] for key in ("version", "requires-python", "dependencies", "optional-dependencies", "scripts")]
print(hashlib.sha256(repr(wanted).encode() + pathlib.Path("constraints.txt").read_bytes()).hexdigest())
PY
)
if [ -x "$venv/bin/scartools" ] && [ "$(cat "$venv/.wishes" 2>/dev/null)" = "$wishes" ]; then
    exit 0
fi

if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "make venv: this Python has no ensurepip; installing Debian's python3-venv" >&2
    if [ "$(id -u)" = 0 ]; then as_root=''; else as_root='sudo -n'; fi
    { $as_root apt-get -q update && $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3-venv; } >&2 || {
        echo "make venv: error: python3-venv is missing and could not be installed. Ask for: apt-get install python3-venv" >&2
        exit 1
    }
fi
echo "make venv: installing into $venv (about 1.8 GB; a minute or two)" >&2
if [ -e "$venv" ] && [ ! -e "$venv/.wishes" ] && [ ! -e "$venv/pyvenv.cfg" ]; then
    echo "make venv: error: $venv is there and is no virtual environment. Set VENV to another path." >&2
    exit 2
fi
rm -rf "$venv"
"$python" -m venv "$venv"
# torch first and by itself: on an index that carries a CPU build under this exact version, nothing CUDA comes along
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-warn-script-location --constraint constraints.txt torch
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-warn-script-location --constraint constraints.txt --editable '.[test]'
printf '%s' "$wishes" > "$venv/.wishes"
