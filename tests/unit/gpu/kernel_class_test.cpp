// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/kernel_class.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>
#include <string>

namespace tacit::gpu {
namespace {

std::string class_of(std::string_view name) {
  return kKernelClassNames[static_cast<size_t>(read_kernel_name(name).kernel_class)];
}

std::string label_of(std::string_view name) { return read_kernel_name(name).label; }

TEST(KernelClassTest, NamesOfRealLibraries) {
  std::ifstream file(TACIT_KERNEL_NAMES);
  std::string expected, name;
  std::set<std::string> classes;
  size_t count = 0;
  while (file >> expected >> name) {
    EXPECT_EQ(class_of(name), expected) << name;
    classes.insert(expected);
    ++count;
  }
  EXPECT_EQ(count, size_t{TACIT_KERNEL_NAME_COUNT});
  EXPECT_EQ(classes.size(), kKernelClasses - 1);  // all but graphs, which have no name
}

TEST(KernelClassTest, LabelsAreShortAndTelling) {
  EXPECT_EQ(label_of("ampere_sgemm_128x64_nn"), "ampere_sgemm_128x64_nn");
  EXPECT_EQ(label_of("_ZN2at6native29vectorized_elementwise_kernelILi2EZZZNS0_23direct_copy_kernel_cudaE"
                     "RNS_18TensorIteratorBaseEENKUlvE1_clEvENKUlvE12_clEvEUlN3c107complexINS6_8BFloat16"
                     "EEEE_St5arrayIPcLm2EELb0EEEviT0_T1_"),
            "vectorized_elementwise_kernel<direct_copy_kernel_cuda>");
  EXPECT_EQ(label_of("_ZN2at6native29vectorized_elementwise_kernelILi8ENS0_13BinaryFunctorIdddZZZNS0_19ma"
                     "ximum_kernel_cudaERNS_18TensorIteratorBaseEENKUlvE0_clEvENKUlvE_clEvEUlddE_EESt5ar"
                     "rayIPcLm3EELb1EEEviT0_T1_"),
            "vectorized_elementwise_kernel<maximum_kernel_cuda>");
  EXPECT_EQ(label_of("_ZN2at6native29vectorized_elementwise_kernelILi2ENS0_21CUDAFunctorOnSelf_addIbEESt5"
                     "arrayIPcLm2EELb0EEEviT0_T1_"),
            "vectorized_elementwise_kernel<CUDAFunctorOnSelf_add>");
  EXPECT_EQ(label_of("_ZN7cutlass7Kernel2I56cutlass_80_tensorop_s16816gemm_f16_256x64_32x4_tn_align8EEvNT_"
                     "6ParamsE"),
            "cutlass::Kernel2<cutlass_80_tensorop_s16816gemm_f16_256x64_32x4_tn_align8>");
  EXPECT_EQ(label_of("_Z43ncclDevKernel_ReduceScatter_Sum_u64_RING_LL24ncclDevKernelArgsStorageILm4096EE"),
            "ncclDevKernel_ReduceScatter_Sum_u64_RING_LL");
  EXPECT_EQ(label_of("_ZN8internal5gemvx6kernelIii6__halfffffEvv"), "gemvx::kernel");
  EXPECT_EQ(label_of("_ZN2at6native53_GLOBAL__N__4da244e1_20_layer_norm_kernel_cu_9c5ada8aL28layer_norm_gr"
                     "ad_input_kernelIffLb1EEEvPKT_S5_PKT0_S8_S5_PS3_i"),
            "layer_norm_grad_input_kernel");
}

TEST(KernelClassTest, AnyBytesAreHarmless) {
  EXPECT_EQ(label_of(""), "unnamed");
  EXPECT_EQ(label_of("_Z"), "_Z");
  EXPECT_EQ(label_of("_ZN"), "_ZN");
  EXPECT_EQ(label_of("_Z99999999999999999999x"), "_Z99999999999999999999x");
  EXPECT_EQ(label_of("_Z3ab"), "_Z3ab");
  EXPECT_EQ(label_of(std::string_view("a\0\x1b[31m\xff\"\n", 9)), "a??[31m?\"");
  EXPECT_EQ(label_of(std::string(5000, 'x')), std::string(kMaxLabelBytes, 'x'));
  const std::string nested = "_ZN" + [] {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "1a";
    return text;
  }() + "Ev";
  EXPECT_EQ(label_of(nested), "a::a");
  const std::string long_function = "_Z200" + std::string(200, 'k') + "I9MyFunctorEvv";
  EXPECT_EQ(label_of(long_function), std::string(kMaxLabelBytes, 'k'));
  for (const auto c : label_of("_Z4k\x01\x02kIvEvv")) EXPECT_TRUE(c > 0x20 && c < 0x7f);
}

}  // namespace
}  // namespace tacit::gpu
