#!/usr/bin/env bash
# Runs Celery's integration suite, from a checkout that you name, on a bench.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
suite=${1:?"usage: $0 path/to/celery [pytest options]"}
shift
python=${PYTHON:-$here/../../.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$suite/t" "$work/t"
cp "$here/conftest.py" "$work/t/integration/conftest.py"
cd "$work"
files=()
for name in canvas tasks inspect worker loader serialization database_backend; do
    files+=("t/integration/test_$name.py")
done
# Celery's own options: its fixtures, the names of its test classes, the `celery` command that one test runs.
export PATH="$(cd "$(dirname "$python")" && pwd):$PATH"
"$python" -m pytest -q -p no:cacheprovider -p no:randomly -p celery.contrib.pytest -c /dev/null --rootdir . \
    -o "python_classes=test_* Test*" -W ignore "${files[@]}" "$@"
