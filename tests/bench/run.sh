#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the agent and prints tables: each figure is a ratio to the same thing without the agent,
# taken in the same run in alternating rounds. Not a test: it judges nothing and takes minutes.
#   usage: sudo tests/bench/run.sh [TABLE…]    tables: fastapi chain strategies nginx syscalls cuda agent
#          guest (default: all; guest only where GUEST_KERNEL names a kernel image, see guest.sh)
# ROUNDS (5), SECONDS_EACH (4) and TACIT_BINARY (else a release is built) come from the environment;
# BENCH_RECORD names a file that gets each single measurement. Figures of record are in README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tables=("$@")
(( ${#tables[@]} )) || tables=(fastapi chain strategies nginx syscalls cuda agent guest)
if (( EUID != 0 )); then
  echo "tests/bench/run.sh: must be root (the agent loads BPF programs)" >&2
  exit 1
fi
for name in "${tables[@]}"; do
  case $name in
    fastapi | chain | strategies | nginx | syscalls | cuda | agent | guest) ;;
    *) echo "tests/bench/run.sh: no table '$name'; there are: fastapi chain strategies nginx syscalls cuda agent guest" >&2; exit 2 ;;
  esac
done

if ! command -v nginx g++ >/dev/null || ! python3 -c 'import ensurepip' 2>/dev/null; then
  "$root/deploy/install-dependencies.sh" --tests >&2
fi
command -v wrk >/dev/null ||
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends wrk >&2

if [[ -z ${TACIT_BINARY:-} ]]; then
  (cd "$root" && cmake --preset release && cmake --build --preset release -j "$(nproc)" --target tacit) \
    > "${TMPDIR:-/tmp}/tacit-bench-build.log" 2>&1 ||
    { tail -20 "${TMPDIR:-/tmp}/tacit-bench-build.log" >&2; exit 1; }
fi
export TACIT_BINARY=${TACIT_BINARY:-$root/build/release/tacit}
export TACIT_BENCH_TOOLS=$root/build/bench-tools
mkdir -p "$TACIT_BENCH_TOOLS"
g++ -std=gnu++20 -O2 -Wall -Wextra -o "$TACIT_BENCH_TOOLS/paced_load" "$here/paced_load.cpp"
cc -std=gnu11 -O2 -Wall -Wextra -o "$TACIT_BENCH_TOOLS/syscall_cost" "$here/syscall_cost.c"

if [[ " ${tables[*]} " == *" strategies "* && -z ${TACIT_BENCH_CORRELATOR:-} ]]; then
  command -v bpftool >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends bpftool >&2
  (cd "$root" && cmake --preset bench &&
    cmake --build --preset bench -j "$(nproc)" --target bench_correlator) \
    > "${TMPDIR:-/tmp}/tacit-bench-build.log" 2>&1 ||
    { tail -20 "${TMPDIR:-/tmp}/tacit-bench-build.log" >&2; exit 1; }
fi

cache=${TACIT_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tacit-tests}
key=$( (python3 -V; cat "$here/requirements.txt") | sha256sum | cut -c1-16)
export TACIT_BENCH_PYTHON=$cache/bench-python-$key
if [[ ! -e $TACIT_BENCH_PYTHON/complete ]]; then
  rm -rf "$TACIT_BENCH_PYTHON"
  python3 -m venv "$TACIT_BENCH_PYTHON"
  "$TACIT_BENCH_PYTHON/bin/python3" -m pip install -q --no-input --disable-pip-version-check \
    -r "$here/requirements.txt" >&2
  touch "$TACIT_BENCH_PYTHON/complete"
fi

echo "$(date -u +%F), $("$TACIT_BINARY" version), Linux $(uname -r), $(nproc) cores, $(awk '/MemTotal/{ printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, load average at the start $(cut -d' ' -f1 /proc/loadavg)"
echo
for name in "${tables[@]}"; do
  if [[ $name != guest ]]; then
    "$TACIT_BENCH_PYTHON/bin/python3" "$here/measure_$name.py"
  elif [[ -n ${GUEST_KERNEL:-} ]]; then
    "$here/guest.sh" "$GUEST_KERNEL"
  else
    echo "guest instructions: not measured; set GUEST_KERNEL to a kernel image (see guest.sh)"
  fi
done
