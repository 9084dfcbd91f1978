#!/usr/bin/env bash
# Kills and starves jobs of every kind at random moments, and checks what they leave: jobs/faults.py.
#
#   jobs/faults.sh [--cases N] [--seed S] [--only FAULT] [--program build/release/kronwerk] [--keep]
#
# Needs the packages of `jobs/setup.sh plots` (h5py, numpy). Full disks, a small /dev/shm and several
# hosts need root and are skipped with a message otherwise.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
exec "$KRONWERK_PYTHON" "$KRONWERK_ROOT/jobs/faults.py" "$@"
