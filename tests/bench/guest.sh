#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Guest instructions that the agent adds to a request, everything included: its BPF programs, its own
# process, wake-ups. A kernel runs under QEMU with one CPU whose clock counts instructions
# (-icount shift=0: 1 ns = 1 instruction), saturated by wrk, the agent off and on in turns. The
# machine's load does not matter: figures repeat within half a percent.
#   usage: guest.sh KERNEL [ROUNDS [SECONDS [AGENT OPTION…]]]
#     KERNEL   a bootable x86-64 kernel image (vmlinuz) with initramfs, serial console, BTF and BPF
#              built in; no modules are needed. Debian's linux-image-*-cloud-amd64 will do.
#     ROUNDS   2, SECONDS 3 (of guest time, for each measurement); default agent option: --prometheus
#     GUEST_PROFILE=1 (or static: nginx only) in the environment: instead of the table, where the instructions of a request
#              with the agent go, by function (needs perf)
#   needs: qemu-system-x86_64, busybox (static), cpio, nginx, wrk, ip, the Python environment of
#     run.sh (TACIT_BENCH_PYTHON), a release build of the agent (TACIT_BINARY)
# The guest's whole world is one initramfs: no root, no network, nothing shared with this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[[ $# -ge 1 ]] || { sed -n 3,18p "$0" >&2; exit 2; }
kernel=$1 rounds=${2:-2} seconds=${3:-3}
shift $(( $# < 3 ? $# : 3 ))
agent_options=${*:---prometheus=127.0.0.1:9464}
cache=${TACIT_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/tacit-tests}
python=${TACIT_BENCH_PYTHON:-$cache/bench-python}
binary=${TACIT_BINARY:-$root/build/release/tacit}
memory_mib=3072 limit_s=${GUEST_LIMIT_S:-2400}
for tool in qemu-system-x86_64 busybox cpio nginx wrk ip strip; do
  command -v "$tool" >/dev/null || { echo "guest.sh: needs $tool" >&2; exit 3; }
done
for file in "$kernel" "$python/bin/python3" "$binary"; do
  [[ -r $file ]] || { echo "guest.sh: there is no $file" >&2; exit 3; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/tacit-guest.XXXXXX")
qemu=
finish() {
  [[ -z $qemu ]] || kill "$qemu" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
world=$work/world
mkdir -p "$world"/{proc,sys,dev,tmp,run,bench/www,etc,var/log/nginx,var/lib/nginx}
ln -s usr/bin "$world/bin"; ln -s usr/sbin "$world/sbin"
ln -s usr/lib "$world/lib"; ln -s usr/lib64 "$world/lib64"
mkdir -p "$world"/usr/{bin,sbin,lib,lib64}

# Files by their own paths, /bin and /lib folded into /usr as Debian does.
place() {
  local file to
  for file in "$@"; do
    to=$file
    case $to in /bin/* | /sbin/* | /lib/* | /lib64/*) to=/usr$to ;; esac
    [[ -e $world$to ]] || { mkdir -p "$world${to%/*}"; cp -L "$file" "$world$to"; }
  done
}
libraries_of() {
  local file
  for file in "$@"; do ldd "$file" 2>/dev/null || true; done |
    sed -nE 's@.*(=> |^[[:space:]]+)(/[^ ]+) \(0x.*@\2@p' | sort -u
}
profile=${GUEST_PROFILE:-0}
perf=
[[ $profile == 0 ]] || perf=$(type -P perf) || { echo "guest.sh: needs perf" >&2; exit 3; }
programs=$(type -P bash nginx wrk ip sleep cat grep awk $perf)
# shellcheck disable=SC2086  # lists
place $programs $(libraries_of $programs "$binary")
cp "$(type -P busybox)" "$world/usr/bin/busybox"
strip --strip-debug -o "$world/bench/tacit" "$binary"

base=$("$python/bin/python3" -c 'import sys; print(sys.base_prefix)')
standard=$("$python/bin/python3" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
interpreter=$(readlink -f "$python/bin/python3")
place "$interpreter"
mkdir -p "$world$standard" "$world$python"
tar -C "$standard" -c --exclude=test --exclude=tests --exclude=idlelib --exclude=ensurepip \
  --exclude='config-*' --exclude=site-packages --exclude=lib2to3 --exclude=tkinter --exclude='*.a' . |
  tar -C "$world$standard" -x
tar -C "$python" -c --exclude=pip . | tar -C "$world$python" -x
ln -sf "$interpreter" "$world$python/bin/python3"
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\nwww-data:x:33:33::/:/bin/false\n' > "$world/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\n' > "$world/etc/group"
echo '127.0.0.1 localhost' > "$world/etc/hosts"
mapfile -t extensions < <(find "$world$standard" "$world$python" -name '*.so')
# shellcheck disable=SC2046
place $(libraries_of "${extensions[@]}" "$interpreter")
place /lib64/ld-linux-x86-64.so.2

cp "$here"/{call_app.py,wrk_report.lua} "$world/bench/"
sed -e 's@DIRECTORY@/bench@; s@PORT@8080@' "$here/nginx.conf" > "$world/bench/nginx.conf"
head -c 612 /dev/zero | tr '\0' x > "$world/bench/www/index.html"
cp "$here/guest_init.sh" "$world/init"
printf 'rounds=%q seconds=%q agent_options=%q python=%q base=%q profile=%q\n' "$rounds" "$seconds" \
  "$agent_options" "$python" "$base" "$profile" > "$world/bench/settings"
chroot "$world" /usr/bin/bash -c "cd /bench && PATH=/usr/bin $python/bin/python3 -c 'import call_app' && ./tacit version" >"$work/check" 2>&1 ||
  { cat "$work/check" >&2; echo "guest.sh: what was gathered for the guest does not run" >&2; exit 3; }
(cd "$world" && find . | cpio -o -H newc --quiet) > "$work/initrd"

echo "kernel $(basename "$kernel"), initramfs $(du -m "$work/initrd" | cut -f1) MiB, agent options: $agent_options"
# shellcheck disable=SC2086
timeout "$limit_s" qemu-system-x86_64 -M q35 -accel tcg,thread=single -icount shift=0,sleep=on \
  -cpu max,-cx16 -smp 1 -m "$memory_mib" -nodefaults -no-user-config -display none -no-reboot \
  -device isa-serial,chardev=console -chardev "file,id=console,path=$work/console" \
  -kernel "$kernel" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet reboot=t panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check rdinit=/init" \
  >"$work/qemu.log" 2>&1 &
qemu=$!
tail -c +1 -F --pid="$qemu" "$work/console" 2>/dev/null | sed -u 's/\r$//' | tee "$work/all" |
  sed -un 's/^BENCH //p' || true
wait "$qemu" || { tail -30 "$work/console"; cat "$work/qemu.log"; exit 1; }
[[ -z ${KEEP_CONSOLE:-} ]] || cp "$work/console" "$KEEP_CONSOLE"
grep -q '^BENCH end' "$work/all" || { tail -40 "$work/console" >&2; echo "guest.sh: the guest did not finish" >&2; exit 1; }
[[ $profile != 0 ]] || sed -n 's/^BENCH run //p' "$work/all" | python3 "$here/guest_table.py"
