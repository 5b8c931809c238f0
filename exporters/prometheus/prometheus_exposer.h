// SPDX-License-Identifier: Apache-2.0
// Serves the metrics on http://HOST:PORT/metrics for Prometheus to scrape. prometheus-cpp's Exposer
// (civetweb inside) does the work on its own threads and adds three metrics about itself.
#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/telemetry/metric_source.h"

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace tacit::exporters {

class PrometheusExposer {
 public:
  // `source` outlives this. Port 0 lets the system choose. Logs a warning if the host is not a
  // loopback address, as everybody who can reach it can then read the metrics.
  static Result<std::unique_ptr<PrometheusExposer>> start(const std::string& host, uint16_t port,
                                                          const telemetry::MetricSource& source);
  ~PrometheusExposer();

  uint16_t port() const;

 private:
  PrometheusExposer(std::shared_ptr<prometheus::Collectable> source,
                    std::unique_ptr<prometheus::Exposer> exposer, const sockaddr_storage& address);
  void knock() const;

  std::shared_ptr<prometheus::Collectable> source_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  sockaddr_storage address_;  // where it listens
};

}  // namespace tacit::exporters
