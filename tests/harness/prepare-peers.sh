#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes what the end-to-end tests talk to and Debian does not have: a Python environment from PyPI,
# the OpenTelemetry Collector and the Go peer from the Go proxy, and the C workloads. Each is kept
# in the cache under a name that changes with its sources, so a second run takes no time. What
# cannot be had leaves a file NAME.missing that says why; its tests are skipped with that reason.
#   usage: prepare-peers.sh CACHE_DIR STATE_DIR      (STATE_DIR gets links to what was made)
set -uo pipefail
cache=$1 state=$2
tests=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$cache" "$state"
cache=$(cd "$cache" && pwd) state=$(cd "$state" && pwd)
rm -f "$state"/*.missing

digest() { cat "$@" | sha256sum | cut -c1-16; }
missing() { echo "$2" > "$state/$1.missing"; echo "peer $1 cannot be had: $2" >&2; }

# obtain NAME PATH COMMAND…: runs COMMAND, which must make PATH.part, unless PATH is there.
obtain() {
  local name=$1 path=$2 log=$state/$1.log
  shift 2
  if [[ ! -e $path ]]; then
    rm -rf "$path.part"
    if ! "$@" >"$log" 2>&1 || ! mv "$path.part" "$path"; then
      missing "$name" "$(tail -n 1 "$log" | cut -c1-200)"
      return
    fi
  fi
  ln -sfn "$path" "$state/$name"
}

python_environment() {
  python3 -m venv "$1.part" &&
    "$1.part/bin/python3" -m pip install --quiet --no-input --disable-pip-version-check \
      -r "$tests/e2e/requirements.txt"
}
# go_program OUT FOLDER [LINKER_FLAGS]: stripped unless told otherwise.
go_program() {
  (cd "$2" && go build -trimpath -buildvcs=false -ldflags="${3--s -w}" -o "$1.part" .)
}
c_program() {
  local out=$1
  shift
  cc -std=gnu11 -O1 -Wall -Wextra -Werror "$@" -o "$out.part"
}

# Go's own version sorts the collector out: its modules need a newer one than Debian 12 has.
go_at_least() {
  command -v go >/dev/null || return 1
  local have
  have=$(GOTOOLCHAIN=local go env GOVERSION)
  [[ $(printf 'go%s\n%s\n' "$1" "$have" | sort -V | head -n 1) == "go$1" ]]
}

# A libnvidia-ml.so.1 without a GPU, in a folder for LD_LIBRARY_PATH.
fake_nvml() {
  mkdir -p "$1.part" &&
    c++ -std=c++20 -O1 -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 -I"$tests/.." \
      "$tests"/fake_nvml/{fake_nvml,profile}.cpp -o "$1.part/libnvidia-ml.so.1"
}
# NVIDIA's own nvml.h of two CUDA majors, from its wheels: OUT/12/nvml.h, OUT/13/nvml.h.
nvml_headers() {
  local work
  work=$(mktemp -d)
  mkdir -p "$1.part/12" "$1.part/13" &&
    "$state/python/bin/python3" -m pip download --quiet --no-input --disable-pip-version-check --no-deps -d "$work" \
      nvidia-nvml-dev-cu12==12.9.79 nvidia-nvml-dev==13.5.37 &&
    python3 -m zipfile -e "$work"/nvidia_nvml_dev_cu12-*.whl "$work/12" &&
    python3 -m zipfile -e "$work"/nvidia_nvml_dev-*.whl "$work/13" &&
    cp "$work"/12/nvidia/*/include/nvml.h "$1.part/12/" &&
    cp "$work"/13/nvidia/*/include/nvml.h "$1.part/13/"
  local result=$?
  rm -rf "$work"
  return $result
}

key=$( (python3 -V; python3 -c 'import sys; print(sys.base_prefix)'; cat "$tests/e2e/requirements.txt") | sha256sum | cut -c1-16)
obtain python "$cache/python-$key" python_environment "$cache/python-$key"

# The current PyTorch and what it is linked with: 5.4 GB, a minute or two beside the other peers.
torch_environment() {
  python3 -m venv "$1.part" &&
    "$1.part/bin/python3" -m pip install --quiet --no-input --no-cache-dir \
      --disable-pip-version-check torch
}
key=$( (python3 -V; date +%Y-%V) | sha256sum | cut -c1-16)  # a new one each week
obtain torch "$cache/torch-$key" torch_environment "$cache/torch-$key" &
torch=$!

for source in io_variants short_client uring_server; do
  flags=()
  [[ $source == short_client ]] && flags=(-static)
  file=$tests/workloads/$source.c
  key=$(digest "$file")
  obtain "$source" "$cache/$source-$key" c_program "$cache/$source-$key" "${flags[@]}" "$file"
done

key=$(digest "$tests"/fake_nvml/*.{cpp,h} "$tests/../agent/gpu/device/nvml_abi.h")
obtain fake_nvml "$cache/fake_nvml-$key" fake_nvml "$cache/fake_nvml-$key"
obtain nvml_headers "$cache/nvml_headers-12.9-13.5" nvml_headers "$cache/nvml_headers-12.9-13.5"

if command -v go >/dev/null; then
  export GOTOOLCHAIN=local
  for program in go_peer go_chain; do
    key=$(digest "$tests/workloads/$program"/*)-$(go env GOVERSION)
    obtain "$program" "$cache/$program-$key" go_program "$cache/$program-$key" "$tests/workloads/$program"
  done
  obtain go_chain_symbols "$cache/go_chain_symbols-$key" \
    go_program "$cache/go_chain_symbols-$key" "$tests/workloads/go_chain" ""
else
  for program in go_peer go_chain go_chain_symbols; do missing "$program" "no go command"; done
fi

if command -v javac >/dev/null; then
  key=$(digest "$tests"/workloads/java_chain/*)-$(javac -version 2>&1 | tr -dc '0-9.')
  obtain java_chain "$cache/java_chain-$key" \
    javac -d "$cache/java_chain-$key.part" "$tests/workloads/java_chain/JavaChain.java"
else
  missing java_chain "no javac command"
fi

if go_at_least 1.25; then
  key=$(digest "$tests"/harness/collector/*)
  obtain collector "$cache/collector-$key" go_program "$cache/collector-$key" "$tests/harness/collector"
  key=$(digest "$tests/harness/build_jaeger.py")
  obtain jaeger "$cache/jaeger-$key" \
    python3 "$tests/harness/build_jaeger.py" "$cache/jaeger-$key.part"
else
  for program in collector jaeger; do missing "$program" "its modules need Go 1.25 or newer"; done
fi
wait "$torch"
