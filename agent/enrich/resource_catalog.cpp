// SPDX-License-Identifier: Apache-2.0
#include "agent/enrich/resource_catalog.h"

#include <algorithm>

#include "agent/config/attribute_list.h"
#include "agent/discovery/clean_text.h"

namespace tacit::enrich {
namespace {

using discovery::Process;
using discovery::ProcessImage;
using discovery::Runtime;
using telemetry::Attributes;

constexpr size_t kMaxKept = 4096;
constexpr size_t kMaxValue = 1024;        // bytes of one attribute's value
constexpr size_t kMaxOwnAttributes = 64;  // that a process may add by itself
constexpr size_t kShortId = 12;           // of a container's id, as docker shows it

// telemetry.sdk.language has these names (OpenTelemetry semantic conventions, "Telemetry SDK").
const char* language(Runtime runtime) {
  switch (runtime) {
    case Runtime::kPython:
      return "python";
    case Runtime::kNode:
    case Runtime::kDeno:
    case Runtime::kBun:
      return "nodejs";
    case Runtime::kJava:
      return "java";
    case Runtime::kGo:
      return "go";
    case Runtime::kRuby:
      return "ruby";
    case Runtime::kPhp:
      return "php";
    case Runtime::kDotnet:
      return "dotnet";
    case Runtime::kUnknown:
      break;
  }
  return "";
}

// Empty where the executable does not tell which implementation it is (java).
const char* runtime_name(const ProcessImage& image) {
  switch (image.runtime) {
    case Runtime::kPython:
      return image.exe.find("pypy") == std::string::npos ? "cpython" : "pypy";
    case Runtime::kNode:
      return "nodejs";
    case Runtime::kDeno:
      return "deno";
    case Runtime::kBun:
      return "bun";
    case Runtime::kGo:
      return "go";
    case Runtime::kRuby:
      return "ruby";
    case Runtime::kPhp:
      return "php";
    case Runtime::kDotnet:
      return ".NET";
    case Runtime::kJava:
    case Runtime::kUnknown:
      break;
  }
  return "";
}

std::string base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string executable_name(const ProcessImage& image) {
  if (!image.exe.empty()) return base_name(image.exe);
  return image.args.empty() ? std::string{} : base_name(image.args[0]);
}

void set(Attributes& attributes, std::string_view key, telemetry::AttributeValue value) {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const auto& attribute) { return attribute.key == key; });
  if (found != attributes.end())
    found->value = std::move(value);
  else
    attributes.push_back({std::string(key), std::move(value)});
}

void set_text(Attributes& attributes, std::string_view key, std::string_view value) {
  if (!value.empty()) set(attributes, key, discovery::clean_text(value, kMaxValue));
}

std::string text_of(const Attributes& attributes, std::string_view key) {
  for (const auto& attribute : attributes)
    if (attribute.key == key)
      if (const auto* text = std::get_if<std::string>(&attribute.value)) return *text;
  return {};
}

// "host:8080", or "host" where nothing listens. In a container the host is its short id, so that
// copies of a service that listen on one port are told apart.
std::string instance_of(const Process& process, const std::string& host_name) {
  const auto& id = process.image->container_id;
  std::string out = id.empty() ? host_name : discovery::clean_text(id.substr(0, kShortId));
  if (process.first_port != 0) out += ":" + std::to_string(process.first_port);
  return out;
}

void add_own_attributes(const ProcessImage& image, Attributes& attributes) {
  const auto pairs = config::parse_pairs(image.environment.resource_attributes);
  if (!pairs) return;
  size_t count = 0;
  for (const auto& [key, value] : *pairs)
    if (key != "service.name" && ++count <= kMaxOwnAttributes)
      set_text(attributes, discovery::clean_text(key), value);
}

// All that makes two resources the same; lengths keep fields apart.
std::string text_key(const telemetry::Resource& resource) {
  std::string out;
  const auto add = [&](std::string_view field) {
    out += std::to_string(field.size());
    out += ':';
    out += field;
  };
  for (const auto& attribute : resource.attributes) {
    add(attribute.key);
    if (const auto* text = std::get_if<std::string>(&attribute.value)) add(*text);
    if (const auto* number = std::get_if<int64_t>(&attribute.value)) add(std::to_string(*number));
  }
  return out;
}

}  // namespace

ResourceCatalog::ResourceCatalog(const config::Config& config, std::string host_name,
                                 std::string version)
    : configured_(config.resource_attributes),
      host_name_(discovery::clean_text(host_name.empty() ? "localhost" : host_name)),
      version_(std::move(version)) {
  telemetry::Resource own;
  own.id = ++last_id_;
  own.service_name = "tacit";
  own.instance = host_name_;
  set_text(own.attributes, "service.name", own.service_name);
  set_text(own.attributes, "service.instance.id", own.instance);
  set_text(own.attributes, "service.version", version_);
  set_text(own.attributes, "host.name", host_name_);
  set_text(own.attributes, "os.type", "linux");
  agent_ = std::make_shared<const telemetry::Resource>(std::move(own));
}

telemetry::ResourcePtr ResourceCatalog::resource_for(const Process& process) {
  if (const auto known = by_revision_.find(process.revision); known != by_revision_.end())
    return known->second;
  if (by_revision_.size() >= kMaxKept) by_revision_.clear();
  auto resource = share(describe(process));
  by_revision_[process.revision] = resource;
  return resource;
}

telemetry::Resource ResourceCatalog::describe(const Process& process) const {
  const ProcessImage& image = *process.image;
  telemetry::Resource out;
  Attributes& a = out.attributes;
  out.service_name = image.service_name.empty() ? "unknown_service" : image.service_name;
  set_text(a, "service.name", out.service_name);
  set_text(a, "service.instance.id", instance_of(process, host_name_));
  set_text(a, "host.name", host_name_);
  set_text(a, "os.type", "linux");
  // Only a listener's pid tells instances apart; the pids of passing clients would make a resource
  // of each, and with it metric series without end.
  if (process.first_port != 0) set(a, "process.pid", static_cast<int64_t>(image.leader_pid));
  set_text(a, "process.executable.name", executable_name(image));
  set_text(a, "process.runtime.name", runtime_name(image));
  set_text(a, "container.id", image.container_id);
  set_text(a, "container.name", image.container_name);
  set_text(a, "telemetry.sdk.name", "tacit");
  set_text(a, "telemetry.sdk.language", language(image.runtime));
  set_text(a, "telemetry.sdk.version", version_);
  for (const auto& [key, value] : configured_)
    if (key != "service.name") set_text(a, discovery::clean_text(key), value);
  add_own_attributes(image, a);
  out.service_namespace = text_of(a, "service.namespace");
  out.instance = text_of(a, "service.instance.id");
  return out;
}

telemetry::ResourcePtr ResourceCatalog::share(telemetry::Resource resource) {
  auto text = text_key(resource);
  if (const auto known = by_text_.find(text); known != by_text_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return known->second->resource;
  }
  if (recent_.size() >= kMaxKept) {
    by_text_.erase(recent_.back().text);
    recent_.pop_back();
  }
  resource.id = ++last_id_;
  recent_.push_front({text, std::make_shared<const telemetry::Resource>(std::move(resource))});
  by_text_.emplace(std::move(text), recent_.begin());
  return recent_.front().resource;
}

}  // namespace tacit::enrich
