#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian 12 to live traces: installs what is missing, builds, and shows the traces of a
# small system of several services, or of a command of yours.
#   sudo deploy/quickstart.sh
#   sudo deploy/quickstart.sh -- COMMAND…
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
log=$root/build/quickstart.log
binary=$root/build/release/tacit

fail() { echo "quickstart: $*" >&2; exit 1; }
say() { echo "quickstart: $*" >&2; }

command=()
if (( $# )); then
  [[ $1 == -- ]] || fail "usage: sudo deploy/quickstart.sh [-- COMMAND…]"
  shift
  (( $# )) || fail "no command after --"
  command=("$@")
fi
(( EUID == 0 )) || fail "must be root (it loads BPF programs): sudo deploy/quickstart.sh"
[[ -r /sys/kernel/btf/vmlinux ]] || fail "this kernel has no BTF (/sys/kernel/btf/vmlinux); Debian's own kernels have it"

mkdir -p "$root/build"
: > "$log"
packages=()
(( ${#command[@]} )) || packages=(--demo)
"$root/deploy/install-dependencies.sh" "${packages[@]}" >&2 ||
  fail "packages are missing, see above"

[[ -x $binary ]] || say "building the agent; some minutes the first time (details: build/quickstart.log)"
(cd "$root" && cmake --preset release && cmake --build --preset release -j "$(nproc)") >>"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  fail "the build failed; all of it is in build/quickstart.log"
}

if (( ${#command[@]} )); then
  exec "$binary" exec -- "${command[@]}"
fi

# The demo's Python packages, once for each list of them.
environment=$root/build/demo-python-$(sha256sum < "$root/deploy/demo/requirements.txt" | cut -c1-12)
if [[ ! -x $environment/bin/uvicorn ]]; then
  say "installing the demo's Python packages"
  rm -rf "$environment"
  { python3 -m venv "$environment" &&
    "$environment/bin/python3" -m pip install --quiet --no-input --disable-pip-version-check \
      -r "$root/deploy/demo/requirements.txt"; } >>"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -rf "$environment"
    fail "the demo's Python packages could not be installed (no PyPI?); try your own: sudo deploy/quickstart.sh -- COMMAND…"
  }
fi

say "a command line, an API, a host service and a worker, none of them instrumented:"
status=0
"$binary" exec --console text -- "$environment/bin/python3" "$root/deploy/demo/run.py" || status=$?
cat >&2 <<END

That was every request between four processes, seen from the kernel: \`<-\` answered, \`->\` made.
Try next:
  sudo deploy/quickstart.sh -- COMMAND…             the same for a command of yours
  sudo build/release/tacit exec --console json -- COMMAND…    one JSON object a span
  sudo build/release/tacit run --port 8080          a service that already runs; metrics on :9464
  sudo build/release/tacit doctor                   what this host allows
END
exit "$status"
