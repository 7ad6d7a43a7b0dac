#!/usr/bin/env bash
# A demonstration of the command line: registers, promotes, evaluates, rolls back, repairs and restores models.
# Every command is printed before its output.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$here/output"
mkdir "$here/output"
cd "$here/output"
export MODELREG_HOME=$PWD/registry

bold="" cyan="" plain=""
[ ! -t 1 ] || bold=$'\033[1m' cyan=$'\033[36m' plain=$'\033[0m'

title() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

run() { # print a command as it would be typed, then run it
  printf '\n%s$ %s%s\n' "$cyan" "$(quoted "$@")" "$plain"
  "$@"
}

quoted() {
  local word line=""
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./:@=,+-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s' "${line# }"
}

expect_exit() { # run a command whose exit status must be $1
  local expected=$1 status=0
  shift
  run "$@" </dev/null || status=$?
  echo "(exit $status)"
  [ "$status" = "$expected" ] || { echo "the demo expected exit $expected"; exit 1; }
}

title "Train models; each has a file of metrics, and there is a sample of the data"
run python ../train.py .
run ls

title "Register the models: the format is detected without loading them"
run modelreg register logistic.joblib --name tumour --metrics-file logistic-metrics.json --signature-from patients.csv
run modelreg register forest.joblib --name tumour --metrics-file forest-metrics.json --signature-from patients.csv --alias challenger
run modelreg register ridge.joblib --name diabetes --metrics-file ridge-metrics.json --param alpha=0.1 --stage Staging

title "Registering the same content again creates no new version"
run modelreg register logistic.joblib --name tumour --metrics-file logistic-metrics.json --signature-from patients.csv

title "Promote the first version"
run modelreg transition tumour 1 Staging
run modelreg transition tumour 1 Production --message "first model"

title "A second version in Production is refused: a script must state what happens to the first"
expect_exit 4 modelreg transition tumour 2 Production

title "Archive the first version, after a dry run"
run modelreg transition tumour@challenger Production --archive-existing --dry-run
run modelreg transition tumour@challenger Production --archive-existing --message "better on the holdout"

title "Evaluate both versions on holdout data"
run modelreg evaluate tumour/1 --data holdout.csv --target target --production
run modelreg diff tumour/1 tumour/2

title "Gates: a version that is worse than the one in Production is refused, unless it is forced"
run modelreg gate add tumour Production 'eval.holdout.roc_auc >= 0.9'
run modelreg gate add tumour Production 'eval.holdout.roc_auc >= production.eval.holdout.roc_auc' --description 'at least as good as Production'
run modelreg register guess.joblib --name tumour --signature-from patients.csv
run modelreg evaluate tumour/3 --data holdout.csv --target target
expect_exit 5 modelreg gate check tumour/3 Production
expect_exit 5 modelreg transition tumour/3 Production --archive-existing
run modelreg transition tumour/3 Production --archive-existing --force --message 'test of the alerts'
run modelreg history tumour --as-of "$(date -u +%F)"

title "Roll back to the version that was in Production before, and predict with it"
run modelreg rollback tumour --message 'the alert was raised'
run modelreg predict tumour/Production --input patients.csv --output predictions.csv --proba
run head -3 predictions.csv

title "List and filter models and versions"
run modelreg list
run modelreg versions tumour --filter 'eval.holdout.roc_auc > 0.9' --sort 'eval.holdout.roc_auc DESC'
run modelreg versions tumour
run modelreg show diabetes/Staging

title "Load the verified files, in the shell and in Python"
run modelreg load tumour/Production
run cmp "$(modelreg load tumour/Production)" forest.joblib
run python ../predict.py

title "Show the journal and verify the registry"
run modelreg history tumour
run modelreg verify

title "A flipped bit is detected, and the file is not loaded; registering the original file repairs it"
digest=$(modelreg show tumour/1 --json | python -c 'import json, sys; print(json.load(sys.stdin)["files"][0]["digest"][7:])')
blob=registry/artifacts/blobs/sha256/$digest
chmod u+w "$blob"
run python -c "import sys; f = open(sys.argv[1], 'r+b'); f.seek(99); b = f.read(1); f.seek(99); f.write(bytes([b[0] ^ 1]))" "$blob"
expect_exit 6 modelreg verify
expect_exit 6 modelreg load tumour/1
run modelreg register logistic.joblib --name tumour --metrics-file logistic-metrics.json --signature-from patients.csv
run modelreg verify

title "Back up, prune and restore the registry"
run modelreg backup backup
run modelreg verify --registry backup
run modelreg prune --keep-last 1 --grace 0 --dry-run
run modelreg prune --keep-last 1 --grace 0 --yes --message 'keep the newest version'
run modelreg restore backup --force

printf '\nThe registry of this demo is demo/output/registry; delete the folder when you are done.\n'
