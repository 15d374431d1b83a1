#!/usr/bin/env bash
# Experiment 2: a task fails at the client, which goes on with its next task.
# Flags as exp1.sh.
exec "$(dirname "$0")/run" 2 "$@"
