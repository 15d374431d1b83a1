#!/usr/bin/env bash
# Experiment 1: a task's whole life. Flags go to `agata experiment 1` (--runs N,
# --cloud-broker H:P, --client-broker H:P); --rabbitmq starts two private nodes.
exec "$(dirname "$0")/run" 1 "$@"
