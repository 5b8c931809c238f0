#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Debian 12 needs to build Tacit, and with --tests what its tests need besides.
# The one list of packages; needs root only where something is missing. Does nothing twice.
#   usage: deploy/install-dependencies.sh [--tests] [--demo] [--list]
set -euo pipefail

# To build the agent. Everything it links or generates code with.
build_packages=(
  g++ cmake ninja-build pkg-config ccache
  clang-16 llvm-16 bpftool libbpf-dev libelf-dev zlib1g-dev libzydis-dev
  libcli11-dev libyaml-cpp-dev libspdlog-dev libfmt-dev nlohmann-json3-dev
  libcurl4-openssl-dev prometheus-cpp-dev
)
# To build and run the tests.
test_packages=(
  ca-certificates
  libgtest-dev libgmock-dev libprotobuf-dev protobuf-compiler libnghttp2-dev libbenchmark-dev
  python3-torch  # an old PyTorch, beside the new one that the tests get from PyPI
  clang-19 libclang-rt-19-dev  # the fuzz preset: libFuzzer, and std::expected of libstdc++
)
# Programs the tests talk to, as command:package, so that one installed by other means will do.
test_commands=(
  curl:curl nginx:nginx-light node:nodejs go:golang-go prometheus:prometheus promtool:prometheus
  git:git openssl:openssl ip:iproute2 javac:openjdk-17-jdk-headless
)
# For Python peers: tests/e2e/ and deploy/demo/ make virtual environments.
python_packages=(python3 python3-venv)

fail() { echo "install-dependencies: $*" >&2; exit 1; }

want=("${build_packages[@]}")
commands=()
list=no
for argument in "$@"; do
  case $argument in
    --tests) want+=("${test_packages[@]}" "${python_packages[@]}"); commands=("${test_commands[@]}") ;;
    --demo) want+=("${python_packages[@]}") ;;
    --list) list=yes ;;
    *) fail "unknown option '$argument'; known: --tests, --demo, --list" ;;
  esac
done
for pair in "${commands[@]}"; do
  if [[ $list == yes ]] || ! command -v "${pair%%:*}" >/dev/null; then want+=("${pair#*:}"); fi
done
if [[ $list == yes ]]; then printf '%s\n' "${want[@]}" | sort -u; exit; fi

missing=()
for package in "${want[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done
(( ${#missing[@]} )) || exit 0

command -v apt-get >/dev/null || fail "needs apt-get (Debian 12); missing: ${missing[*]}"
(( EUID == 0 )) || fail "must be root to install: ${missing[*]}; run it with sudo"

# nginx and prometheus would start as services as they are installed. The tests start their own.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A third-party source that cannot be reached must not stop us: the install itself decides.
apt-get -qq -o Acquire::Retries=3 update </dev/null ||
  echo "install-dependencies: apt-get update was incomplete; going on" >&2
install() {
  apt-get -qq -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" \
    </dev/null >/dev/null
}
if ! install "${missing[@]}"; then
  fail "apt-get could not install: ${missing[*]} (Debian 12 is what is supported)"
fi
