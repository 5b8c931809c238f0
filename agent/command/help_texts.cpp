// SPDX-License-Identifier: Apache-2.0
// Written by hand, because it is the first thing a person reads; a unit test holds it to the flags.
#include "agent/command/options.h"

namespace tacit::command {
namespace {

constexpr std::string_view kTop =
    R"(Tacit shows what your services do over HTTP: traces and metrics, straight from the kernel.
No change to the code, no restart, any language.

  sudo tacit exec -- COMMAND…    start a command, watch it and everything it starts
  sudo tacit run [selectors]     watch services of this host, running or yet to come
  sudo tacit doctor              what this host allows, what that costs, and the fix
  tacit version

Try:
  sudo tacit exec -- python3 -m uvicorn app:app
  sudo tacit run --port 8080

`tacit COMMAND --help` says more. Settings can also be variables or a YAML file.
)";

constexpr std::string_view kExec =
    R"(tacit exec [options] -- COMMAND…
Starts COMMAND and watches it and all its descendants, nothing else, until it ends.
Exits with its status.
With no destination given, traces go to standard error, so COMMAND's own output stays usable.

)";

constexpr std::string_view kRun =
    R"(tacit run [selectors] [options]
Watches the processes of this host that a selector matches, started before or after it.
With no destination given, metrics are served to Prometheus on http://localhost:9464/metrics.

Selectors (each may be repeated; a process that matches any one is watched):
  --port PORT              listens on this TCP port
  --exe GLOB               executable: '/usr/sbin/nginx', '*/python3*', 'node'
  --cmd GLOB               command line: '*celery*worker*'
  --pid PID                this process and its descendants
  --cgroup GLOB            cgroup path: '/system.slice/billing.service'
  --container GLOB         container name, or id or its beginning

)";

constexpr std::string_view kOptions =
    R"(Where it goes:
  --console FORM           print spans: json (one object a line), text, on or off
  --otlp-endpoint URL      send traces and metrics to a collector, as OTEL_EXPORTER_OTLP_ENDPOINT
  --otlp-protocol NAME     grpc or http/protobuf; unset: by the URL
  --prometheus[=HOST:PORT] serve /metrics; localhost:9464 unless given

What is in it:
  --service-name NAME      one name for all that is watched; unset: found out
  --route PATTERN          a route such as /items/{id}; may be repeated; unset: learned
  --http-query WHAT        drop (the default) or redact query strings
  --semconv NAMES          metric names: stable (the default), legacy or both
  --sampler NAME[=RATIO]   always_on, traceidratio=0.1, … as OTEL_TRACES_SAMPLER

Else:
  --config FILE            a YAML file with these and more settings
  --log-level LEVEL        debug, info (the default), warn, error or off
  --help                   this text

)";

constexpr std::string_view kExecExamples =
    R"(Examples:
  sudo tacit exec -- python3 app.py
  sudo tacit exec --console json -- make test 2> spans.json
  sudo tacit exec --otlp-endpoint http://localhost:4317 -- npm start
)";

constexpr std::string_view kRunExamples =
    R"(Examples:
  sudo tacit run --port 8080 --port 8081
  sudo tacit run --exe nginx --console text
  sudo tacit run --config /etc/tacit.yaml --otlp-endpoint http://collector:4317
)";

constexpr std::string_view kDoctor =
    R"(tacit doctor [options]
Says in one line each what this host allows, what a missing piece costs, and how to get it.
Exits with 0 only if the main job can run. With a destination given, tries to reach it too.

  --pid PID                look into this process too: its runtime, the probes that fit; repeatable
  --config FILE            the YAML file that `tacit run` would read
  --otlp-endpoint URL      try to reach this collector
  --otlp-protocol NAME     grpc or http/protobuf; unset: by the URL
  --log-level LEVEL        debug, info (the default), warn, error or off
  --help                   this text
)";

}  // namespace

std::string_view help_text(std::string_view command) {
  static const std::string exec = std::string(kExec).append(kOptions).append(kExecExamples);
  static const std::string run = std::string(kRun).append(kOptions).append(kRunExamples);
  if (command == "exec") return exec;
  if (command == "run") return run;
  if (command == "doctor") return kDoctor;
  return kTop;
}

}  // namespace tacit::command
