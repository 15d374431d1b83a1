#!/usr/bin/env bash
# Experiment 3: a task's server gives up since accuracy stays low, and its clients
# go on with another task. Flags as exp1.sh.
exec "$(dirname "$0")/run" 3 "$@"
