#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes recordings anew, after a change of bpf/events. Root.
#   usage: record.sh BUILD_FOLDER [CASE…]     then read what they expect: README.md
set -euo pipefail
build=$(realpath "$1")
shift
cd "$(dirname "$0")"
(( $# )) || set -- */
for case in "$@"; do
  "$build/tests/harness/event_recorder" "${case%/}/events.bin" /usr/bin/python3 cases.py "${case%/}"
done
