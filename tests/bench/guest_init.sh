#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs as the first process of guest.sh's guest: two servers, wrk on each, the agent off and on.
# Prints one line a measurement, all figures in ns of the instruction clock, that is, instructions.
export PATH=/usr/bin:/usr/sbin HOME=/root
for name in mount mkdir poweroff reboot wget; do eval "$name() { busybox $name \"\$@\"; }"; done
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
mount -t tmpfs t /tmp; mkdir -p /sys/fs/cgroup
mount -t cgroup2 c /sys/fs/cgroup
# shellcheck disable=SC1091
. /bench/settings
ip link set lo up
say() { echo "BENCH $*" > /dev/console; }
leave() { [[ $1 == 0 ]] && say end; sleep 0.2; reboot -f; }
cd /bench || leave 1

# The exact run time of all threads of a process, ns.
run_time() { cat "/proc/$1"/task/*/schedstat 2>/dev/null | awk '{ s += $1 } END { printf "%.0f", s }'; }
idle() { awk '/^cpu /{ print $5 + $6 }' /proc/stat; }  # in ticks of 10 ms
page() { wget -q -O - http://127.0.0.1:9464/metrics; }
# total NAME [LABEL]: a metric's sum over the series with this label.
total() { awk -v n="$1" -v l="$2" 'index($1, n "{") == 1 && (l == "" || index($0, l)) { s += $NF } END { printf "%.0f", s }' /tmp/page; }
answers() {
  for _ in {1..400}; do wget -q -O /dev/null "$1" 2> /dev/null && return 0; sleep 0.1; done
  say "no answer from $1"; cat /tmp/*.log > /dev/console; leave 1
}

"$python/bin/python3" -m uvicorn call_app:app --host 127.0.0.1 --port 8081 --log-level warning --no-access-log \
  > /tmp/uvicorn.log 2>&1 &
service=$!
nginx -p /bench -c /bench/nginx.conf > /tmp/nginx.log 2>&1 &
server=$!
answers http://127.0.0.1:8080/index.html
answers http://127.0.0.1:8081/ping
say "up after $(cut -d' ' -f1 /proc/uptime 2>/dev/null || awk '{print $1}' /proc/uptime) s"
load() { wrk -t1 -c8 -d"$3" -s wrk_report.lua "http://127.0.0.1:$1$2" | grep RESULT; }
load 8080 /index.html 1 > /dev/null; load 8081 /ping 2 > /dev/null

measure() { # ROUND MODE NAME PORT PATH
  local agent_before=0 agent_after=0 spans_before=0 spans=0 drops=0
  local servers_before servers_after idle_before idle_after result
  if [[ -n $agent ]]; then
    page > /tmp/page; spans_before=$(total tacit_spans_total 'kind="server"')
    agent_before=$(run_time "$agent")
  fi
  servers_before=$(( $(run_time "$server_worker") + $(run_time "$service") ))
  idle_before=$(idle)
  result=$(load "$4" "$5" "$seconds")
  idle_after=$(idle)
  servers_after=$(( $(run_time "$server_worker") + $(run_time "$service") ))
  if [[ -n $agent ]]; then
    agent_after=$(run_time "$agent"); sleep 0.5; page > /tmp/page
    spans=$(( $(total tacit_spans_total 'kind="server"') - spans_before ))
    drops=$(total tacit_events_dropped_total)
  fi
  # shellcheck disable=SC2086  # five words
  set -- "$1" "$2" "$3" $result
  say "run $1 $2 $3 requests=$5 duration_us=$6 errors=$9 agent_ns=$((agent_after - agent_before))" \
    "server_ns=$((servers_after - servers_before)) idle_ticks=$((idle_after - idle_before)) spans=$spans drops=$drops"
}
# Where the instructions go, by function of whoever ran: sampled by the instruction clock.
parts() { # INSTRUCTIONS OPTION…
  local all=$1
  shift
  perf report -i /tmp/perf.data --no-children --percentage absolute "$@" 2> /dev/null |
    awk -v all="$all" '/^ *[0-9.]+%/ { p = $1; sub("%", "", p); $1 = ""; if (all * p >= 1500) printf "BENCH %7.0f %s\n", all * p / 100, $0 }'
}
profile() { # NAME PORT PATH
  local recorder per
  per=$(load "$2" "$3" "$seconds" | awk '{ printf "%.0f", $3 * 1000 / $2 }')
  echo 0 > /proc/sys/kernel/perf_cpu_time_max_percent  # no throttling
  perf record -q -a -e cpu-clock -F 4999 -o /tmp/perf.data > /tmp/perf.log 2>&1 &
  recorder=$!
  sleep 0.5
  load "$2" "$3" "$seconds" > /dev/null
  kill -INT "$recorder"; wait "$recorder"
  say "profile $1: $per instructions a request"
  parts "$per" --sort comm > /dev/console
  say "$1: of the agent's process"
  parts "$per" --sort sym --comms tacit > /dev/console
  say "$1: of what probes call, anywhere"
  parts "$per" --sort sym | grep -E 'bpf|nofault|htab|lookup_nulls|ringbuf|trace_run|syscall_(trace|exit_work)|probe_read|rep_movs' > /dev/console
}

server_worker=$(cat "/proc/$server/task/$server/children"); server_worker=${server_worker%% *}
[[ $profile != 0 ]] && rounds=0
if [[ $profile != 0 ]]; then
  # shellcheck disable=SC2086  # several options
  ./tacit run --pid "$server" --pid "$service" $agent_options > /tmp/agent.log 2>&1 &
  answers http://127.0.0.1:9464/metrics
  load 8080 /index.html 1 > /dev/null; load 8081 /ping 1 > /dev/null
  profile static 8080 /index.html
  [[ $profile == static ]] || profile ping 8081 /ping
fi
for (( round = 1; round <= rounds; ++round )); do
  modes="bare agent"; (( round % 2 )) || modes="agent bare"
  for mode in $modes; do
    agent=
    if [[ $mode == agent ]]; then
      # shellcheck disable=SC2086  # several options
      ./tacit run --pid "$server" --pid "$service" $agent_options > /tmp/agent.log 2>&1 &
      agent=$!
      answers http://127.0.0.1:9464/metrics
      [[ $round == 1 ]] && say "agent: $(cat /tmp/agent.log)"
      load 8080 /index.html 1 > /dev/null; load 8081 /ping 1 > /dev/null
    fi
    sleep 1
    measure "$round" "$mode" static 8080 /index.html
    measure "$round" "$mode" ping 8081 /ping
    if [[ -n $agent ]]; then
      say "agent resident: $(awk '/VmRSS/{ print $2 }' "/proc/$agent/status") KiB"
      kill -TERM "$agent"; wait "$agent"
    fi
  done
done
leave 0
