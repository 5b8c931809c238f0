// SPDX-License-Identifier: Apache-2.0
// The part of NVML's C interface that the agent calls, declared by us: names without the prefix
// "nvml", numbers and layouts as NVIDIA's NVML API reference documents them. Held against the
// public nvml.h by tests/fake_nvml/abi_audit.cpp. All structs are plain C and x86-64/arm64 alike.
#pragma once
#include <climits>
#include <cstdint>

namespace tacit::gpu::nvml {

// nvmlReturn_t. Others exist: treat an unknown number as a failure of that one call.
enum Return : int {
  kSuccess = 0,
  kUninitialized = 1,
  kInvalidArgument = 2,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kInsufficientSize = 7,
  kDriverNotLoaded = 9,
  kTimeout = 10,
  kLibraryNotFound = 12,
  kFunctionNotFound = 13,
  kGpuIsLost = 15,
  kResetRequired = 16,
  kVersionMismatch = 18,  // NVML_ERROR_LIB_RM_VERSION_MISMATCH
  kNoData = 21,
  kArgumentVersionMismatch = 25,
  kDeprecated = 26,
  kUnknown = 999,
};

struct DeviceObject;
struct EventSetObject;
struct GpmSampleObject;
using Device = DeviceObject*;
using EventSet = EventSetObject*;
using GpmSample = GpmSampleObject*;

enum Clock : int { kClockSm = 1, kClockMemory = 2 };
enum TemperatureSensor : int { kTemperatureGpu = 0 };
enum MemoryError : int { kCorrected = 0, kUncorrected = 1 };
enum EccCounter : int { kVolatile = 0, kAggregate = 1 };

constexpr unsigned kNameBytes = 96;                        // NVML_DEVICE_NAME_V2_BUFFER_SIZE
constexpr unsigned kUuidBytes = 96;                        // NVML_DEVICE_UUID_V2_BUFFER_SIZE
constexpr unsigned kVersionBytes = 80;                     // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
constexpr unsigned kNoInstance = 0xFFFFFFFF;               // gpuInstanceId without MIG
constexpr unsigned long long kMemoryNotAvailable = ~0ULL;  // NVML_VALUE_NOT_AVAILABLE
constexpr unsigned long long kEventXid = 0x8;              // nvmlEventTypeXidCriticalError

struct Utilization {  // percent
  unsigned gpu;
  unsigned memory;
};

struct MemoryV2 {  // bytes
  unsigned version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};
// As NVML's macro makes it: the size, and the version above it.
constexpr unsigned kMemoryV2Version = sizeof(MemoryV2) | 2U << 24;

struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned pci_device_id;
  unsigned pci_subsystem_id;
  char bus_id[32];
};

struct DeviceAttributes {
  unsigned multiprocessors;
  unsigned copy_engines;
  unsigned decoders;
  unsigned encoders;
  unsigned jpeg_engines;
  unsigned ofa_engines;
  unsigned gpu_instance_slices;
  unsigned compute_instance_slices;
  unsigned long long memory_mib;
};

struct ProcessInfo {  // of the _v3 calls
  unsigned pid;
  unsigned long long memory_bytes;
  unsigned gpu_instance;
  unsigned compute_instance;
};

struct ProcessUtilization {  // percent
  unsigned pid;
  unsigned long long time_us;
  unsigned sm;
  unsigned memory;
  unsigned encoder;
  unsigned decoder;
};

struct EventData {
  Device device;
  unsigned long long type;
  unsigned long long data;  // of kEventXid: the XID
  unsigned gpu_instance;
  unsigned compute_instance;
};

enum ValueType : int {
  kDouble = 0,
  kUnsignedInt = 1,
  kUnsignedLong = 2,
  kUnsignedLongLong = 3,
  kSignedLongLong = 4,
  kSignedInt = 5,
  kUnsignedShort = 6,
};

union Value {
  double as_double;
  int as_int;
  unsigned as_unsigned;
  unsigned long as_unsigned_long;
  unsigned long long as_unsigned_long_long;
  long long as_long_long;
  unsigned short as_unsigned_short;
};

struct FieldValue {
  unsigned field;
  unsigned scope;
  long long time_us;
  long long latency_us;
  ValueType type;
  Return result;
  Value value;
};

// NVML_FI_DEV_*. None above 250: those were renumbered between CUDA 12.9 and 13.
enum Field : unsigned {
  kFieldNvlinkCrcFlit = 38,
  kFieldNvlinkCrcData = 45,
  kFieldNvlinkReplay = 52,
  kFieldNvlinkRecovery = 59,
  kFieldThrottlePower = 74,  // these: ns
  kFieldThrottleThermal = 75,
  kFieldThrottleSyncBoost = 76,
  kFieldThrottleBoardLimit = 77,
  kFieldThrottleReliability = 79,
  kFieldMemoryTemperature = 82,   // degrees Celsius
  kFieldNvlinkTransmitted = 138,  // KiB
  kFieldNvlinkReceived = 139,     // KiB
};
constexpr unsigned kAllLinks = UINT_MAX;  // FieldValue::scope

// NVML_GPM_METRIC_*
enum GpmId : unsigned {
  kGpmGraphics = 1,  // these, up to kGpmFp16: percent
  kGpmSm = 2,
  kGpmOccupancy = 3,
  kGpmTensor = 5,
  kGpmDram = 10,
  kGpmFp64 = 11,
  kGpmFp32 = 12,
  kGpmFp16 = 13,
  kGpmPcieTransmitted = 20,  // these: MiB/s
  kGpmPcieReceived = 21,
  kGpmNvlinkReceived = 60,
  kGpmNvlinkTransmitted = 61,
};

struct GpmMetric {
  unsigned id;
  Return result;
  double value;
  struct {
    char* short_name;
    char* long_name;
    char* unit;
  } info;
};

// The header's array grows (210 entries in CUDA 12.9, 477 in 13.5) while its version stays; only
// the first `count` are looked at. Ours is longer, for a library that clears the whole of its own.
constexpr unsigned kGpmRoom = 512;
struct GpmMetricsGet {
  unsigned version;  // kGpmVersion
  unsigned count;
  GpmSample first;
  GpmSample second;
  GpmMetric metrics[kGpmRoom];
};
struct GpmSupport {
  unsigned version;  // kGpmVersion
  unsigned supported;
};
constexpr unsigned kGpmVersion = 1;

}  // namespace tacit::gpu::nvml
