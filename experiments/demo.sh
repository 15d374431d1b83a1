#!/usr/bin/env bash
# The main job end to end, thin over `agata demo`. Without a Python that has
# Flower, and no way to install one, it shows the Go task instead.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x bin/agata ] || CGO_ENABLED=0 go build -o bin/agata ./cmd/agata
flags=()
if ! tools/python-env .venv; then
  printf '\n!!! NO FLOWER HERE (the lines above say why): SHOWING THE GO TASK INSTEAD OF A FLOWER MODEL !!!\n\n' >&2
  CGO_ENABLED=0 go build -o bin/gofedavg ./experiments/tasks/gofedavg
  flags=(--go-task bin/gofedavg)
fi
exec bin/agata --set log.level=error demo "${flags[@]}"
