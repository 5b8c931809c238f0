-- SPDX-License-Identifier: Apache-2.0
-- One line for the benchmark: requests, microseconds, p50 and p99 in microseconds, errors.
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status + e.read + e.write + e.connect + e.timeout))
end
