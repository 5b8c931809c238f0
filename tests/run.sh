#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, runs every test, and ends with "N passed, N failed, N skipped".
#   usage: sudo tests/run.sh [SUITE…]     suites: unit golden bpf fuzz e2e (default: all)
# PYTEST_ARGUMENTS is handed to pytest, FUZZ_SECONDS (20) is the time of each fuzz target.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
suites=("$@")
(( ${#suites[@]} )) || suites=(unit golden bpf fuzz e2e)
results=$root/build/test-results
state=$root/build/test-peers
cache=${TACIT_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tacit-tests}
jobs=$(nproc)
began=$SECONDS
export CI=${CI:-true} DEBIAN_FRONTEND=noninteractive
# One compiler cache for every checkout: what differs is only the folder.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
exec </dev/null

wanted() {
  local suite
  for suite in "${suites[@]}"; do
    for name in "$@"; do [[ $suite == "$name" ]] && return 0; done
  done
  return 1
}
say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - began)); }
# note SUITE TEST RESULT [WHY]: one line of the summary.
note() { printf '%s\t%s\t%s\n' "$2" "$3" "${4:-}" >> "$results/$1.tsv"; }
finish() {
  say "summary"
  python3 tests/harness/summary.py "$results"
  exit
}

for suite in "${suites[@]}"; do
  case $suite in
    unit | golden | bpf | fuzz | e2e) ;;
    *) echo "tests/run.sh: no suite '$suite'; there are: unit golden bpf fuzz e2e" >&2; exit 2 ;;
  esac
done
if (( EUID != 0 )); then
  echo "tests/run.sh: must be root (the tests load BPF programs): sudo tests/run.sh" >&2
  exit 1
fi
rm -rf "$results"
mkdir -p "$results" "$cache"

say "dependencies"
if ! deploy/install-dependencies.sh --tests; then
  echo "tests/run.sh: the packages above could not be installed" >&2
  exit 1
fi

peers=
if wanted e2e; then
  nice -n 10 tests/harness/prepare-peers.sh "$cache" "$state" >"$results/peers.log" 2>&1 &
  peers=$!
fi

# build PRESET [OPTION…]
build() {
  local preset=$1
  shift
  say "build: $preset"
  if cmake --preset "$preset" "$@" >"$results/configure-$preset.log" 2>&1 &&
    cmake --build --preset "$preset" -j "$jobs" >"$results/build-$preset.log" 2>&1; then
    note build "$preset" passed
  else
    note build "$preset" failed "see build/test-results/build-$preset.log"
    tail -n 40 "$results/configure-$preset.log"
    tail -n 60 "$results/build-$preset.log" 2>/dev/null
    return 1
  fi
}

# labelled LABEL: the ctest tests with this label, in the dev build.
labelled() {
  wanted "$1" || return 0
  say "$1"
  timeout 900 ctest --test-dir build/dev -L "^$1\$" --output-on-failure --timeout 120 \
    --no-tests=error -j "$jobs" --output-junit "$results/$1.xml" >"$results/$1.log" 2>&1
  local status=$?
  grep -E '^(The following tests FAILED|[0-9]+% tests passed)' "$results/$1.log"
  if (( status )); then
    sed -n '/\*\*\*Failed/,$p' "$results/$1.log" | tail -n 200
    [[ -s $results/$1.xml ]] || note "$1" "ctest" failed "exit status $status"
  fi
}

fuzz() {
  local target name seeds
  build fuzz || return
  say "fuzz: ${FUZZ_SECONDS:-20} s each"
  for target in build/fuzz/tests/fuzz/fuzz_*; do
    [[ -x $target && ! -d $target ]] || continue
    name=$(basename "$target")
    seeds=tests/fuzz/corpus/${name#fuzz_}
    mkdir -p "build/fuzz/corpus/$name"
    if "$target" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="$results/$name-" "build/fuzz/corpus/$name" \
      $([[ -d $seeds ]] && echo "$seeds") >"$results/$name.log" 2>&1; then
      note fuzz "$name" passed
    else
      note fuzz "$name" failed "see build/test-results/$name.log"
      tail -n 40 "$results/$name.log"
    fi
  done
  [[ -s $results/fuzz.tsv ]] || note fuzz targets failed "no fuzz target was built"
}

wanted e2e && release_built=no && build release && release_built=yes
if wanted unit golden bpf; then
  if build dev -DTACIT_TESTS=ON; then
    for label in unit golden bpf; do labelled "$label"; done
  fi
fi
wanted fuzz && fuzz

if wanted e2e; then
  say "e2e: waiting for the peers"
  wait "$peers"
  cat "$results/peers.log"
  if [[ $release_built == yes && -x $state/python/bin/python3 ]]; then
    say "e2e"
    # Interrupted rather than killed, so that what failed until then is told.
    # shellcheck disable=SC2086  # several arguments in one variable
    TACIT_TEST_PEERS=$state timeout -s INT -k 60 3000 "$state/python/bin/python3" -m pytest tests/e2e \
      -q --color=no --junitxml="$results/e2e.xml" ${PYTEST_ARGUMENTS:-}
    status=$?
    if (( status == 124 )); then
      note e2e limit failed "not done after 50 minutes: the tests behind the last one were not run"
    elif [[ ! -s $results/e2e.xml ]]; then
      note e2e pytest failed "exit status $status"
    fi
  elif [[ $release_built == yes ]]; then
    note e2e environment failed "no Python environment: $(cat "$state/python.missing")"
  fi
fi
finish
