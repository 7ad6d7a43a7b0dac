#!/usr/bin/env bash
# The whole life of a model, through the real command line; every command is printed before its output.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$here/output"
mkdir "$here/output"
cd "$here/output"
export MODELREG_HOME=$PWD/registry

bold="" cyan="" plain=""
[ ! -t 1 ] || bold=$'\033[1m' cyan=$'\033[36m' plain=$'\033[0m'

title() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

run() { # print a command as one would type it, then run it
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

expect_exit() { # run a command that must end with the status $1
  local wanted=$1 status=0
  shift
  run "$@" </dev/null || status=$?
  echo "(exit $status)"
  [ "$status" = "$wanted" ] || { echo "the demo expected exit $wanted"; exit 1; }
}

title "A training job leaves models, their metrics and a sample of the data"
run python ../train.py .
run ls

title "Register them: the bytes are stored once, the model is recognised without being run"
run modelreg register logistic.joblib --name tumour --metrics-file logistic-metrics.json --signature-from patients.csv
run modelreg register forest.joblib --name tumour --metrics-file forest-metrics.json --signature-from patients.csv --alias challenger
run modelreg register ridge.joblib --name diabetes --metrics-file ridge-metrics.json --param alpha=0.1 --stage Staging

title "Registering the same again makes no new version"
run modelreg register logistic.joblib --name tumour --metrics-file logistic-metrics.json --signature-from patients.csv

title "Promote the first one"
run modelreg transition tumour 1 Staging
run modelreg transition tumour 1 Production --message "first model"

title "A second one in Production is refused: a script has to say what becomes of the first"
expect_exit 4 modelreg transition tumour 2 Production

title "So say it"
run modelreg transition tumour@challenger Production --archive-existing --dry-run
run modelreg transition tumour@challenger Production --archive-existing --message "better on the holdout"

title "Production is a contract: evaluate both on data that neither saw"
run modelreg evaluate tumour/1 --data holdout.csv --target target --production
run modelreg diff tumour/1 tumour/2

title "Gates: nothing worse than what is in Production comes in, whoever asks"
run modelreg gate add tumour Production 'eval.holdout.roc_auc >= 0.9'
run modelreg gate add tumour Production 'eval.holdout.roc_auc >= production.eval.holdout.roc_auc' --description 'never worse'
run modelreg register guess.joblib --name tumour --signature-from patients.csv
run modelreg evaluate tumour/3 --data holdout.csv --target target
expect_exit 5 modelreg gate check tumour/3 Production
expect_exit 5 modelreg transition tumour/3 Production --archive-existing
run modelreg transition tumour/3 Production --archive-existing --force --message 'a drill: who notices?'
run modelreg history tumour --as-of "$(date -u +%F)"

title "Roll back: the journal knows what was in Production before"
run modelreg rollback tumour --message 'somebody noticed'
run modelreg predict tumour/Production --input patients.csv --output predictions.csv --proba
run head -3 predictions.csv

title "What is where?"
run modelreg list
run modelreg versions tumour --filter 'eval.holdout.roc_auc > 0.9' --sort 'eval.holdout.roc_auc DESC'
run modelreg versions tumour
run modelreg show diabetes/Staging

title "The very bytes come out again, checked, from the shell and from Python"
run modelreg load tumour/Production
run cmp "$(modelreg load tumour/Production)" forest.joblib
run python ../predict.py

title "Everything is in the journal, and the journal replays to what is there"
run modelreg history tumour
run modelreg verify

title "A flipped bit is noticed, named, and never handed out; registering the good bytes again heals it"
digest=$(modelreg show tumour/1 --json | python -c 'import json, sys; print(json.load(sys.stdin)["files"][0]["digest"][7:])')
blob=registry/artifacts/blobs/sha256/$digest
chmod u+w "$blob"
run python -c "import sys; f = open(sys.argv[1], 'r+b'); f.seek(99); b = f.read(1); f.seek(99); f.write(bytes([b[0] ^ 1]))" "$blob"
expect_exit 6 modelreg verify
expect_exit 6 modelreg load tumour/1
run modelreg register logistic.joblib --name tumour --metrics-file logistic-metrics.json --signature-from patients.csv
run modelreg verify

title "A whole, checked copy in another folder, and what could go from this one"
run modelreg backup backup
run modelreg verify --registry backup
run modelreg prune --keep-last 1 --grace 0 --dry-run
run modelreg prune --keep-last 1 --grace 0 --yes --message 'the demo keeps the newest'
run modelreg restore backup --force

printf '\nThe registry of this demo is in demo/output/registry: look around, then delete it.\n'
