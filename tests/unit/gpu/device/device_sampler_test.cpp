// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/gpu/device/fake_device.h"

namespace tacit::gpu {
namespace {

using testing::ElementsAre;
using testing::Pair;

class SamplerTest : public testing::Test {
 protected:
  const DeviceSnapshot& round() {
    now_ns_ += kSecond;
    sampler_.round(now_ns_);
    last_ = sampler_.snapshot();
    return *last_;
  }
  void wait(uint64_t seconds) { now_ns_ += seconds * kSecond; }

  DeviceSampler sampler_;
  SnapshotPtr last_;
  uint64_t now_ns_ = 1000 * kSecond;
};

TEST_F(SamplerTest, ReadsEveryFigureOfAnH100) {
  const FakeDevice fake("h100");
  round();
  const DeviceSnapshot& snapshot = round();
  EXPECT_EQ(snapshot.driver_version, "550.54.15");
  ASSERT_EQ(snapshot.devices.size(), 1u);
  const DeviceFigures& device = snapshot.devices[0];
  EXPECT_EQ(device.identity.model, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(device.identity.uuid, "GPU-00000000-0000-4000-8000-000000000000");
  EXPECT_EQ(device.identity.pci_bus_id, "00000000:01:00.0");
  EXPECT_EQ(device.identity.device, "nvidia0");
  EXPECT_EQ(device.state, nvml::kSuccess);
  EXPECT_DOUBLE_EQ(device.utilization.value(), 0.87);
  EXPECT_DOUBLE_EQ(device.memory_copy_utilization.value(), 0.41);
  EXPECT_DOUBLE_EQ(device.encoder_utilization.value(), 0);
  EXPECT_DOUBLE_EQ(device.decoder_utilization.value(), 0.03);
  ASSERT_TRUE(device.memory);
  EXPECT_EQ(device.memory->total, 85520809984u);
  EXPECT_EQ(device.memory->reserved, 620756992u);
  EXPECT_EQ(device.memory->used, 42949672960u);
  EXPECT_EQ(device.memory->free, 85520809984u - 620756992u - 42949672960u);
  EXPECT_DOUBLE_EQ(device.power_watts.value(), 512.5);
  EXPECT_DOUBLE_EQ(device.power_limit_watts.value(), 700);
  EXPECT_DOUBLE_EQ(device.energy_joules.value(), 123456.789);
  EXPECT_DOUBLE_EQ(device.temperature_celsius.value(), 61);
  EXPECT_DOUBLE_EQ(device.memory_temperature_celsius.value(), 74);
  EXPECT_DOUBLE_EQ(device.sm_clock_hertz.value(), 1755e6);
  EXPECT_DOUBLE_EQ(device.memory_clock_hertz.value(), 2619e6);
  EXPECT_EQ(device.clock_reasons.size(), 9u);
  EXPECT_TRUE(value_of(device.clock_reasons, "sw_power_cap"));
  EXPECT_FALSE(value_of(device.clock_reasons, "hw_slowdown"));
  EXPECT_DOUBLE_EQ(value_of(device.throttle_seconds, "power"), 1.5);
  EXPECT_DOUBLE_EQ(value_of(device.throttle_seconds, "thermal"), 0.25);
  EXPECT_EQ(device.throttle_seconds.size(), 5u);
  EXPECT_THAT(device.errors, ElementsAre(Pair("ecc_corrected", 3), Pair("ecc_uncorrected", 0),
                                         Pair("pcie_replay", 5), Pair("nvlink_crc_flit", 0),
                                         Pair("nvlink_crc_data", 0), Pair("nvlink_replay", 2),
                                         Pair("nvlink_recovery", 0)));
  EXPECT_THAT(device.lifetime_errors,
              ElementsAre(Pair("ecc_corrected", 17), Pair("ecc_uncorrected", 1)));
  EXPECT_EQ(device.nvlink_transmitted_bytes.value(), 2048u << 10);
  EXPECT_EQ(device.nvlink_received_bytes.value(), 4096u << 10);
  EXPECT_FALSE(device.mig);
  EXPECT_EQ(snapshot.not_supported, 0u);
  EXPECT_EQ(snapshot.not_permitted, 0u);
}

TEST_F(SamplerTest, GpmNeedsTwoSamplesAndGivesRatiosAndRates) {
  const FakeDevice fake("h100");
  EXPECT_FALSE(round().devices.at(0).gpm.sm_active);
  const GpmFigures& gpm = round().devices.at(0).gpm;
  EXPECT_DOUBLE_EQ(gpm.graphics_active.value(), 0.885);
  EXPECT_DOUBLE_EQ(gpm.sm_active.value(), 0.75);
  EXPECT_DOUBLE_EQ(gpm.sm_occupancy.value(), 0.5);
  EXPECT_DOUBLE_EQ(gpm.tensor_active.value(), 0.625);
  EXPECT_DOUBLE_EQ(gpm.dram_active.value(), 0.45);
  EXPECT_DOUBLE_EQ(gpm.fp64_active.value(), 0);
  EXPECT_DOUBLE_EQ(gpm.fp32_active.value(), 0.125);
  EXPECT_DOUBLE_EQ(gpm.fp16_active.value(), 0.25);
  EXPECT_DOUBLE_EQ(gpm.pcie_transmitted.value(), 100.0 * (1 << 20));
  EXPECT_DOUBLE_EQ(gpm.pcie_received.value(), 200.0 * (1 << 20));
  EXPECT_DOUBLE_EQ(gpm.nvlink_transmitted.value(), 512.0 * (1 << 20));
  EXPECT_DOUBLE_EQ(gpm.nvlink_received.value(), 1024.0 * (1 << 20));
}

TEST_F(SamplerTest, GpmIsNotSampledWithin100Ms) {
  const FakeDevice fake("h100");
  round();
  now_ns_ -= kSecond - 99'000'000;
  EXPECT_FALSE(round().devices.at(0).gpm.sm_active);
  EXPECT_EQ(fake.count("nvmlGpmSampleGet"), 1u);
  round();
  EXPECT_EQ(fake.count("nvmlGpmSampleGet"), 2u);
}

TEST_F(SamplerTest, GpmFiguresThatMakeNoSenseAreLeftOut) {
  const FakeDevice fake("h100", "gpm 2 nan\ngpm 3 -1\ngpm 5 250\ngpm 60 not_supported\n");
  round();
  const GpmFigures& gpm = round().devices.at(0).gpm;
  EXPECT_FALSE(gpm.sm_active);
  EXPECT_FALSE(gpm.sm_occupancy);
  EXPECT_FALSE(gpm.tensor_active);
  EXPECT_FALSE(gpm.nvlink_received);
  EXPECT_DOUBLE_EQ(gpm.dram_active.value(), 0.45);
}

TEST_F(SamplerTest, WhatIsNotSupportedIsAskedOnce) {
  const FakeDevice fake("t4", "* energy_mj not_supported\n* encoder no_permission\n");
  for (int i = 0; i < 5; ++i) round();
  EXPECT_EQ(fake.count("nvmlDeviceGetPowerUsage"), 5u);
  EXPECT_EQ(fake.count("nvmlDeviceGetTotalEnergyConsumption"), 1u);
  EXPECT_EQ(fake.count("nvmlDeviceGetEncoderUtilization"), 1u);
  EXPECT_EQ(fake.count("nvmlDeviceGetMigMode"), 1u);
  EXPECT_EQ(fake.count("nvmlGpmQueryDeviceSupport"), 1u);
  EXPECT_EQ(fake.count("nvmlGpmSampleGet"), 0u);
  // Each field that is not there is left out of the next request: 74 and 75 remain.
  EXPECT_EQ(fake.count("nvmlDeviceGetFieldValues 0 74 75"), 5u);
  EXPECT_EQ(fake.count("nvmlDeviceGetFieldValues 0 74 75 76"), 1u);
  const DeviceFigures& device = last_->devices.at(0);
  EXPECT_FALSE(device.energy_joules);
  EXPECT_FALSE(device.encoder_utilization);
  EXPECT_FALSE(device.memory_temperature_celsius);
  EXPECT_FALSE(device.nvlink_received_bytes);
  EXPECT_FALSE(device.gpm.sm_active);
  // energy, MIG, GPM, and 10 of 12 fields.
  EXPECT_EQ(last_->not_supported, 13u);
  EXPECT_EQ(last_->not_permitted, 1u);
}

TEST_F(SamplerTest, AFailureThatMayPassIsAskedAgain) {
  FakeDevice fake("h100", "* power_mw unknown\n");
  EXPECT_FALSE(round().devices.at(0).power_watts);
  fake.add("* power_mw 1000\n");
  EXPECT_DOUBLE_EQ(round().devices.at(0).power_watts.value(), 1);
  EXPECT_EQ(last_->not_supported, 0u);
}

TEST_F(SamplerTest, NeverMeasuresPcieThroughput) {
  const FakeDevice fake("h100x8");
  for (int i = 0; i < 3; ++i) round();
  EXPECT_EQ(fake.count("nvmlDeviceGetPcieThroughput"), 0u);
  EXPECT_EQ(fake.count("nvmlDeviceGetPowerUsage"), 24u);
}

TEST_F(SamplerTest, EightDevicesKeepTheirOwnFigures) {
  const FakeDevice fake("h100x8");
  const DeviceSnapshot& snapshot = round();
  ASSERT_EQ(snapshot.devices.size(), 8u);
  std::set<std::string> uuids;
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_DOUBLE_EQ(snapshot.devices[i].temperature_celsius.value(),
                     60.0 + static_cast<double>(i));
    EXPECT_EQ(snapshot.devices[i].identity.index, i);
    uuids.insert(snapshot.devices[i].identity.uuid);
  }
  EXPECT_EQ(uuids.size(), 8u);
}

TEST_F(SamplerTest, MigInstancesHaveProfileAndMemory) {
  FakeDevice fake("a100_mig");
  const DeviceFigures& device = round().devices.at(0);
  EXPECT_TRUE(device.mig);
  EXPECT_FALSE(device.utilization);
  ASSERT_EQ(device.instances.size(), 2u);
  EXPECT_EQ(device.instances[0].gpu_instance, 1u);
  EXPECT_EQ(device.instances[0].profile, "3g.20gb");
  EXPECT_EQ(device.instances[0].memory->used, 1000000000u);
  EXPECT_EQ(device.instances[1].gpu_instance, 9u);
  EXPECT_EQ(device.instances[1].profile, "1g.5gb");
  EXPECT_EQ(device.instances[1].memory->used, 2000000u);
  EXPECT_EQ(device.instances[1].uuid, "MIG-00000000-0000-4000-8000-000000000003");
  // An instance that goes is missing after the next inventory.
  fake.add("0/2 gpu_instance not_found\n");
  wait(10);
  ASSERT_EQ(round().devices.at(0).instances.size(), 1u);
  EXPECT_EQ(last_->devices[0].instances[0].gpu_instance, 1u);
}

TEST_F(SamplerTest, MigInstancesOfAHopperHaveGpm) {
  const FakeDevice fake("a100_mig", "* gpm 1\ngpm 2 30\n");
  round();
  const DeviceFigures& device = round().devices.at(0);
  EXPECT_DOUBLE_EQ(device.instances.at(0).gpm.sm_active.value(), 0.3);
  EXPECT_DOUBLE_EQ(device.instances.at(1).gpm.sm_active.value(), 0.3);
  EXPECT_FALSE(device.gpm.sm_active);
  EXPECT_EQ(fake.count("nvmlGpmMigSampleGet 0 1"), 2u);
  EXPECT_EQ(fake.count("nvmlGpmMigSampleGet 0 9"), 2u);
  EXPECT_EQ(fake.count("nvmlGpmSampleGet"), 0u);
}

TEST_F(SamplerTest, SwitchingMigOffAsksAllAnew) {
  FakeDevice fake("a100_mig");
  round();
  EXPECT_FALSE(last_->devices[0].utilization);
  fake.add("* mig 0\n* utilization 50\n");
  wait(10);
  EXPECT_DOUBLE_EQ(round().devices.at(0).utilization.value(), 0.5);
  EXPECT_FALSE(last_->devices[0].mig);
  EXPECT_TRUE(last_->devices[0].instances.empty());
}

TEST_F(SamplerTest, ProcessesOfBothListsAreOne) {
  const FakeDevice fake("h100",
                        "0 process 100 4000\n0 process 200 -1\n0 graphics_process 100 4000\n"
                        "0 sample 100 5000 60 20 1 2\n0 sample 300 5000 10 0 0 0\n"
                        "0 sample 0 9000 1 1 1 1\n0 sample 400 9000 4294967295 1 1 1\n");
  const DeviceFigures& device = round().devices.at(0);
  EXPECT_TRUE(device.processes_known);
  ASSERT_EQ(device.processes.size(), 3u);
  EXPECT_EQ(device.processes[0].pid, 100u);
  EXPECT_EQ(device.processes[0].memory_bytes.value(), 4000u);
  EXPECT_DOUBLE_EQ(device.processes[0].sm.value(), 0.6);
  EXPECT_DOUBLE_EQ(device.processes[0].memory.value(), 0.2);
  EXPECT_DOUBLE_EQ(device.processes[0].encoder.value(), 0.01);
  EXPECT_DOUBLE_EQ(device.processes[0].decoder.value(), 0.02);
  EXPECT_EQ(device.processes[1].pid, 200u);
  EXPECT_FALSE(device.processes[1].memory_bytes);
  EXPECT_DOUBLE_EQ(device.processes[1].sm.value(), 0);
  EXPECT_EQ(device.processes[2].pid, 300u);
  EXPECT_DOUBLE_EQ(device.processes[2].sm.value(), 0.1);
}

TEST_F(SamplerTest, NoNewSampleMeansIdle) {
  FakeDevice fake("h100", "0 process 100 4000\n0 sample 100 5000 60 20 0 0\n");
  round();
  EXPECT_DOUBLE_EQ(last_->devices[0].processes.at(0).sm.value(), 0.6);
  round();  // not asked within two seconds
  EXPECT_DOUBLE_EQ(last_->devices[0].processes.at(0).sm.value(), 0.6);
  round();
  EXPECT_DOUBLE_EQ(last_->devices[0].processes.at(0).sm.value(), 0);
  fake.add("0 sample 100 7000 10 0 0 0\n");
  wait(1);
  EXPECT_DOUBLE_EQ(round().devices[0].processes.at(0).sm.value(), 0.1);
}

TEST_F(SamplerTest, WhenAProcessWasLastAtWork) {
  FakeDevice fake("h100", "0 process 100 4000\n0 process 200 4000\n0 sample 100 5000 0 0 1 0\n");
  const auto process = [&](size_t i) { return last_->devices.at(0).processes.at(i); };
  round();  // a look, as each second round
  const uint64_t first_ns = now_ns_;
  round();
  round();
  EXPECT_EQ(process(0).last_active_ns, first_ns);
  EXPECT_EQ(process(0).looked_since_ns, first_ns);
  EXPECT_EQ(process(1).last_active_ns, 0u);
  EXPECT_EQ(process(1).looked_since_ns, first_ns);
  fake.add("0 sample 200 6000 0 7 0 0\n0 sample 200 7000 0 0 0 0\n");  // idle again by now
  wait(1);
  round();
  EXPECT_EQ(process(0).last_active_ns, first_ns);
  EXPECT_EQ(process(1).last_active_ns, now_ns_);
  EXPECT_DOUBLE_EQ(process(1).memory.value(), 0);
}

TEST_F(SamplerTest, ManyProcessesFit) {
  std::string lines;
  for (int pid = 1; pid <= 3000; ++pid) lines += "0 process " + std::to_string(pid) + " 1000\n";
  const FakeDevice fake("h100", lines);
  EXPECT_EQ(round().devices.at(0).processes.size(), 3000u);
}

TEST_F(SamplerTest, UtilizationUnknownIsNotZero) {
  const FakeDevice fake("a100_mig", "0 process 100 4000\n* samples not_supported\n");
  EXPECT_FALSE(round().devices.at(0).processes.at(0).sm);
  EXPECT_EQ(last_->devices[0].processes[0].looked_since_ns, 0u);
  EXPECT_EQ(last_->devices[0].processes[0].memory_bytes.value(), 4000u);
}

TEST_F(SamplerTest, EveryXidCountsAlsoRepeats) {
  FakeDevice fake("h100x8", "event 3 79\nevent 3 79\nevent 0 31\nevent 3 79\n");
  round();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(sampler_.wait_events(0));
  round();
  fake.add("event 3 13\n");
  EXPECT_TRUE(sampler_.wait_events(0));
  EXPECT_TRUE(sampler_.wait_events(0));
  round();
  ASSERT_EQ(last_->xids.size(), 8u);  // watched: what has no event has none
  for (const auto& [uuid, xids] : last_->xids) {
    if (uuid == last_->devices[3].identity.uuid) {
      EXPECT_THAT(xids.counts, ElementsAre(Pair(13, 1), Pair(79, 3)));
      EXPECT_EQ(xids.last, 13u);
    } else if (uuid == last_->devices[0].identity.uuid) {
      EXPECT_THAT(xids.counts, ElementsAre(Pair(31, 1)));
    } else {
      EXPECT_TRUE(xids.counts.empty());
    }
  }
}

TEST_F(SamplerTest, WithoutEventsSomebodyElseMustWait) {
  const FakeDevice fake("h100", "* events not_supported\n");
  EXPECT_FALSE(sampler_.wait_events(0));
  round();
  EXPECT_FALSE(sampler_.wait_events(0));
  EXPECT_EQ(fake.count("nvmlEventSetWait_v2"), 0u);
  EXPECT_TRUE(last_->xids.empty());
}

TEST_F(SamplerTest, ALostDeviceSaysSoAndTheOthersGoOn) {
  FakeDevice fake("h100x8");
  round();
  fake.add("5 state lost\n5 handle lost\n");
  const DeviceSnapshot& snapshot = round();
  EXPECT_EQ(snapshot.devices.at(5).state, nvml::kGpuIsLost);
  EXPECT_FALSE(snapshot.devices[5].power_watts);
  EXPECT_EQ(snapshot.devices[4].state, nvml::kSuccess);
  EXPECT_TRUE(snapshot.devices[4].power_watts);
  const std::string uuid = snapshot.devices[5].identity.uuid;
  const size_t asked = fake.count("nvmlDeviceGetPowerUsage 5");
  round();
  EXPECT_EQ(fake.count("nvmlDeviceGetPowerUsage 5"), asked);
  // Looked for after 30 s, in vain: it keeps its name.
  wait(30);
  round();
  EXPECT_EQ(last_->restarts, 1u);
  ASSERT_EQ(last_->devices.size(), 8u);
  EXPECT_EQ(last_->devices[7].state, nvml::kGpuIsLost);
  EXPECT_EQ(last_->devices[7].identity.uuid, uuid);
  wait(30);
  round();
  EXPECT_EQ(last_->restarts, 1u);  // now only after a minute
  fake.add("5 state 1\n5 handle 1\n");
  wait(30);
  round();
  EXPECT_EQ(last_->restarts, 2u);
  for (const DeviceFigures& device : last_->devices) EXPECT_EQ(device.state, nvml::kSuccess);
}

TEST_F(SamplerTest, AReloadedDriverIsFollowedWithPatience) {
  FakeDevice fake("h100", "event 0 79\n");
  round();
  sampler_.wait_events(0);
  fake.add("broken uninitialized\ninit mismatch\n");
  ASSERT_EQ(round().devices.size(), 1u);
  EXPECT_EQ(last_->devices[0].state, nvml::kUninitialized);
  EXPECT_EQ(last_->restarts, 1u);
  for (int i = 0; i < 20; ++i) round();
  ASSERT_EQ(last_->devices.size(), 1u);
  EXPECT_EQ(last_->devices[0].state, nvml::kVersionMismatch);
  EXPECT_FALSE(last_->devices[0].power_watts);
  // Tried after 1, 2, 4, 8 s, and then after 16.
  EXPECT_EQ(fake.count("nvmlInit_v2"), 1u + 4u);
  fake.add("broken 0\ninit 0\n");
  wait(60);
  EXPECT_EQ(round().devices.at(0).state, nvml::kSuccess);
  // What was counted is not forgotten.
  round();
  ASSERT_EQ(last_->xids.size(), 1u);
  EXPECT_THAT(last_->xids[0].second.counts, ElementsAre(Pair(79, 1)));
}

TEST_F(SamplerTest, ADriverMayComeLater) {
  FakeDevice fake("h100", "init not_loaded\n");
  EXPECT_TRUE(round().devices.empty());
  EXPECT_TRUE(last_->library);
  fake.add("init 0\n");
  wait(60);
  EXPECT_EQ(round().devices.size(), 1u);
}

TEST_F(SamplerTest, CallsAreCountedWithTheirErrors) {
  const FakeDevice fake("t4", "* power_mw unknown\n");
  round();
  round();
  bool found = false;
  for (const CallCost& cost : last_->costs) {
    if (std::string(cost.call) != "nvmlDeviceGetPowerUsage") continue;
    found = true;
    EXPECT_EQ(cost.calls, 2u);
    EXPECT_EQ(cost.errors, 2u);
    EXPECT_GT(cost.time_ns, 0u);
  }
  EXPECT_TRUE(found);
}

TEST_F(SamplerTest, WhatWasTakenIsGivenBack) {
  const FakeDevice fake("h100");
  round();
  round();
  sampler_.stop();
  const auto calls = fake.calls();
  ASSERT_GE(calls.size(), 2u);
  EXPECT_EQ(calls[calls.size() - 2], "nvmlEventSetFree");
  EXPECT_EQ(calls.back(), "nvmlShutdown");
}

}  // namespace
}  // namespace tacit::gpu
