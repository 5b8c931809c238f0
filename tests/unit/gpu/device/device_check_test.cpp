// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_check.h"

#include <gtest/gtest.h>

#include "tests/unit/gpu/device/fake_device.h"

namespace tacit::gpu {
namespace {

TEST(DeviceCheck, NamesDevicesAndDriver) {
  const FakeDevice fake("h100x8");
  const HostCheck check = check_devices();
  EXPECT_EQ(check.name, "GPU");
  EXPECT_TRUE(check.ok);
  EXPECT_FALSE(check.required);
  EXPECT_EQ(check.detail, "8 x NVIDIA H100 80GB HBM3; driver 550.54.15");
  EXPECT_EQ(fake.calls().back(), "nvmlShutdown");
}

TEST(DeviceCheck, NamesMig) {
  const FakeDevice fake("a100_mig");
  EXPECT_EQ(check_devices().detail, "NVIDIA A100-SXM4-40GB (MIG, 2 instances); driver 550.54.15");
}

TEST(DeviceCheck, NoDriverIsNothingWrong) {
  const FakeDevice fake("h100", "init not_loaded\n");
  const HostCheck check = check_devices();
  EXPECT_TRUE(check.ok);
  EXPECT_EQ(check.detail, "the NVIDIA kernel driver is not loaded: no figures of GPUs");
}

TEST(DeviceCheck, AMismatchIsSaidWithItsFix) {
  const FakeDevice fake("h100", "init mismatch\n");
  const HostCheck check = check_devices();
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.detail,
            "NVML cannot start: the library and the kernel driver are of different versions (18)");
  EXPECT_EQ(check.fix, "reboot, or reload the driver: it was updated while it ran");
}

TEST(DeviceCheck, ALostDeviceIsSaid) {
  const FakeDevice fake("h100x8", "2 state lost\n");
  const HostCheck check = check_devices();
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.detail,
            "7 x NVIDIA H100 80GB HBM3, NVIDIA H100 80GB HBM3 (the GPU has fallen off the bus); "
            "driver 550.54.15");
}

TEST(DeviceCheck, WhatMayNotBeReadIsSaid) {
  const FakeDevice fake("h100", "* utilization no_permission\n* power_mw no_permission\n");
  const HostCheck check = check_devices();
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.cost, "2 figures that this user may not read");
}

TEST(DeviceCheck, ADriverWithoutDevices) {
  const FakeDevice fake("", "driver 550.54.15\ndevices 0\n");
  const HostCheck check = check_devices();
  EXPECT_TRUE(check.ok);
  EXPECT_EQ(check.detail, "driver 550.54.15, no device");
}

}  // namespace
}  // namespace tacit::gpu
