#!/bin/sh
# Makes .venv with exactly the packages of a lock file. Does nothing when they are there already.
# usage: deploy/setup.sh requirements.lock
set -eu
cd "$(dirname "$0")/.."
lock=$1

say() { printf '%s\n' "$*"; }

find_python() {
  for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
    if command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  say "Python 3.11, 3.12 or 3.13 is needed. Install it (Debian/Ubuntu: python3 python3-venv; macOS: brew install python@3.12)." >&2
  exit 1
}

make_venv() {
  python=$(find_python)
  say "Making .venv with $python"
  rm -rf .venv
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    # Debian and Ubuntu keep venv in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
      version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "python$version-venv"
      rm -rf .venv
      "$python" -m venv .venv
    else
      say "Python cannot make a virtual environment. Install the package python3-venv and run this again." >&2
      exit 1
    fi
  fi
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r deploy/bootstrap.txt
}

if ! { [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && [ -x .venv/bin/uv ]; }; then make_venv; fi

stamp=.venv/.installed
want=$(cat "$lock" pyproject.toml | cksum)
have=$(cat "$stamp" 2>/dev/null || true)
# The development lock holds everything the other one does.
if [ "$have" = "$want $lock" ]; then exit 0; fi
if [ "$lock" = requirements.lock ]; then
  dev=$(cat requirements-dev.lock pyproject.toml | cksum)
  if [ "$have" = "$dev requirements-dev.lock" ]; then exit 0; fi
fi
say "Installing the packages of $lock"
.venv/bin/uv pip install -q --compile-bytecode --python .venv/bin/python --require-hashes -r "$lock"
.venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e .
printf '%s' "$want $lock" >"$stamp"
