#!/bin/sh
# Draws results of every kind; KRONWERK_PROGRAM and KRONWERK_SOURCE_DIR say what with. Ends with 77, which is a skipped
# test, where Python cannot draw.
python=${KRONWERK_PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import h5py, matplotlib, numpy, PIL, yaml'; then
  echo "NOT TESTED: pictures need Python's h5py, matplotlib, PIL and yaml (jobs/setup.sh plots)" >&2
  exit 77
fi
exec "$python" -B -m unittest discover -s "$KRONWERK_SOURCE_DIR/tests/plots" -p '*_test.py'
