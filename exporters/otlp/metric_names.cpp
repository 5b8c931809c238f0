// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/metric_names.h"

#include <algorithm>
#include <array>

namespace tacit::exporters {
namespace {

struct MetricRow {
  std::string_view prometheus;
  std::string_view otel;
  std::string_view unit;
  bool up_down = false;
};

// Semantic conventions: HTTP metrics, process metrics. The second group are their older names.
constexpr MetricRow kMetrics[] = {
    {"http_server_request_duration_seconds", "http.server.request.duration", "s"},
    {"http_server_active_requests", "http.server.active_requests", "{request}", true},
    {"http_server_request_body_size_bytes", "http.server.request.body.size", "By"},
    {"http_server_response_body_size_bytes", "http.server.response.body.size", "By"},
    {"http_client_request_duration_seconds", "http.client.request.duration", "s"},
    {"http_client_active_requests", "http.client.active_requests", "{request}", true},
    {"http_client_request_body_size_bytes", "http.client.request.body.size", "By"},
    {"http_client_response_body_size_bytes", "http.client.response.body.size", "By"},

    {"http_server_duration_milliseconds", "http.server.duration", "ms"},
    {"http_server_request_size_bytes", "http.server.request.size", "By"},
    {"http_server_response_size_bytes", "http.server.response.size", "By"},
    {"http_client_duration_milliseconds", "http.client.duration", "ms"},
    {"http_client_request_size_bytes", "http.client.request.size", "By"},
    {"http_client_response_size_bytes", "http.client.response.size", "By"},

    {"process_cpu_seconds_total", "process.cpu.time", "s"},
    {"process_resident_memory_bytes", "process.memory.usage", "By", true},
    {"process_virtual_memory_bytes", "process.memory.virtual", "By", true},
    {"process_open_fds", "process.open_file_descriptor.count", "{count}", true},

    {"hw_gpu_utilization_ratio", "hw.gpu.utilization", "1"},
    {"hw_gpu_memory_usage_bytes", "hw.gpu.memory.usage", "By", true},
    {"hw_gpu_memory_limit_bytes", "hw.gpu.memory.limit", "By", true},
    {"hw_gpu_memory_utilization_ratio", "hw.gpu.memory.utilization", "1"},
    {"hw_power_watts", "hw.power", "W"},
    {"hw_energy_joules_total", "hw.energy", "J"},
    {"hw_temperature_celsius", "hw.temperature", "Cel"},
    {"hw_errors_total", "hw.errors", "{error}"},
    {"hw_status", "hw.status", "1", true},
};

struct LabelRow {
  std::string_view label;
  OtelAttribute attribute;
};

constexpr AttributeType kInteger = AttributeType::kInteger;

constexpr LabelRow kLabels[] = {
    // Of series
    {"http_request_method", {"http.request.method"}},
    {"http_response_status_code", {"http.response.status_code", kInteger}},
    {"http_route", {"http.route"}},
    {"url_scheme", {"url.scheme"}},
    {"url_template", {"url.template"}},
    {"error_type", {"error.type"}},
    {"network_protocol_name", {"network.protocol.name"}},
    {"network_protocol_version", {"network.protocol.version"}},
    {"server_address", {"server.address"}},
    {"server_port", {"server.port", kInteger}},
    {"client_address", {"client.address"}},
    {"http_method", {"http.method"}},
    {"http_status_code", {"http.status_code", kInteger}},
    {"http_scheme", {"http.scheme"}},
    {"http_flavor", {"http.flavor"}},
    {"net_host_name", {"net.host.name"}},
    {"net_host_port", {"net.host.port", kInteger}},
    {"net_peer_name", {"net.peer.name"}},
    {"net_peer_port", {"net.peer.port", kInteger}},
    {"cpu_mode", {"cpu.mode"}},
    {"hw_id", {"hw.id"}},
    {"hw_type", {"hw.type"}},
    {"hw_name", {"hw.name"}},
    {"hw_model", {"hw.model"}},
    {"hw_vendor", {"hw.vendor"}},
    {"hw_parent", {"hw.parent"}},
    {"hw_state", {"hw.state"}},
    {"hw_driver_version", {"hw.driver_version"}},
    {"hw_sensor_location", {"hw.sensor_location"}},
    {"hw_gpu_task", {"hw.gpu.task"}},
    {"network_io_direction", {"network.io.direction"}},
    {"otel_metric_overflow", {"otel.metric.overflow", AttributeType::kBoolean}},
    // Of target_info: resource attributes
    {"service_name", {"service.name"}},
    {"service_namespace", {"service.namespace"}},
    {"service_version", {"service.version"}},
    {"service_instance_id", {"service.instance.id"}},
    {"deployment_environment", {"deployment.environment"}},
    {"deployment_environment_name", {"deployment.environment.name"}},
    {"telemetry_sdk_name", {"telemetry.sdk.name"}},
    {"telemetry_sdk_language", {"telemetry.sdk.language"}},
    {"telemetry_sdk_version", {"telemetry.sdk.version"}},
    {"telemetry_distro_name", {"telemetry.distro.name"}},
    {"telemetry_distro_version", {"telemetry.distro.version"}},
    {"host_name", {"host.name"}},
    {"host_id", {"host.id"}},
    {"host_arch", {"host.arch"}},
    {"os_type", {"os.type"}},
    {"os_version", {"os.version"}},
    {"os_description", {"os.description"}},
    {"process_pid", {"process.pid", kInteger}},
    {"process_parent_pid", {"process.parent_pid", kInteger}},
    {"process_command", {"process.command"}},
    {"process_command_line", {"process.command_line"}},
    {"process_owner", {"process.owner"}},
    {"process_executable_name", {"process.executable.name"}},
    {"process_executable_path", {"process.executable.path"}},
    {"process_runtime_name", {"process.runtime.name"}},
    {"process_runtime_version", {"process.runtime.version"}},
    {"process_runtime_description", {"process.runtime.description"}},
    {"container_id", {"container.id"}},
    {"container_name", {"container.name"}},
    {"container_image_name", {"container.image.name"}},
    {"k8s_cluster_name", {"k8s.cluster.name"}},
    {"k8s_namespace_name", {"k8s.namespace.name"}},
    {"k8s_node_name", {"k8s.node.name"}},
    {"k8s_pod_name", {"k8s.pod.name"}},
    {"k8s_pod_uid", {"k8s.pod.uid"}},
    {"k8s_container_name", {"k8s.container.name"}},
    {"k8s_deployment_name", {"k8s.deployment.name"}},
};

struct UnitRow {
  std::string_view suffix;
  std::string_view unit;
};

constexpr UnitRow kUnits[] = {
    {"_milliseconds", "ms"}, {"_seconds", "s"}, {"_bytes", "By"}, {"_ratio", "1"},
    {"_watts", "W"},         {"_hertz", "Hz"},  {"_bytes_per_second", "By/s"}};

}  // namespace

OtelMetric otel_metric(std::string_view name, prometheus::MetricType type) {
  const auto row = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                [&](const MetricRow& r) { return r.prometheus == name; });
  if (row != std::end(kMetrics)) return {std::string(row->otel), row->unit, row->up_down};
  if (type == prometheus::MetricType::Counter && name.ends_with("_total")) {
    name.remove_suffix(std::string_view("_total").size());
  }
  for (const UnitRow& unit : kUnits) {
    if (name.size() > unit.suffix.size() && name.ends_with(unit.suffix)) {
      name.remove_suffix(unit.suffix.size());
      return {std::string(name), unit.unit};
    }
  }
  return {std::string(name), ""};
}

OtelAttribute otel_attribute(std::string_view label) {
  const auto row = std::find_if(std::begin(kLabels), std::end(kLabels),
                                [&](const LabelRow& r) { return r.label == label; });
  return row != std::end(kLabels) ? row->attribute : OtelAttribute{label};
}

}  // namespace tacit::exporters
