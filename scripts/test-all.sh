#!/usr/bin/env bash
# Run the tests with every installed Python from 3.11 on: on PATH, or in pyenv.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() { # print the first interpreter of version $1 that runs
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

tested=()
for version in 3.11 3.12 3.13 3.14; do
  python=$(find_python "$version")
  if [ -z "$python" ]; then
    echo "== Python $version: not installed"
    continue
  fi
  echo "== Python $version: $("$python" --version)"
  environment=.venv-$version
  [ -d "$environment" ] || "$python" -m venv "$environment"
  PIP_CONSTRAINT=constraints.txt "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -e '.[dev]'
  "$environment/bin/pytest" -n auto --dist worksteal -m "not slow and not fault" -p no:cacheprovider
  tested+=("$version")
done
echo "== tested on Python ${tested[*]}"
