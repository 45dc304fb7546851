// The residual block on the GPU against the processor's.

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/torch/gpu_random.h"
#include "trainer/torch/device_block.h"
#include "trainer/torch/residual_block.h"

namespace dashi::trainer {
namespace {

const at::Device kGpu(at::kCUDA, 0);

// Every fifth row is zero, every seventh tiny.
at::Tensor RowsWithZeros(std::size_t num_rows, std::size_t dim, Random& random) {
  at::Tensor rows = NormalMatrix(num_rows, dim, random);
  auto* values = rows.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < num_rows * dim; ++i) {
    const std::size_t row = i / dim;
    values[i] *= row % 5 == 4 ? 0.0F : row % 7 == 6 ? 1e-12F : 1.0F;
  }
  return rows;
}

TEST(GpuBlockTest, UnitRowsAndTheirGradientsEqualTheProcessors) {
  Random random(1);
  for (const std::size_t num_rows : {1U, 8U, 9U, 300U}) {
    for (const std::size_t dim : {1U, 7U, 33U, 256U, 1000U}) {
      SCOPED_TRACE(::testing::Message() << num_rows << " rows, dim " << dim);
      const at::Tensor rows = RowsWithZeros(num_rows, dim, random);
      const at::Tensor gradient = NormalMatrix(num_rows, dim, random);
      const UnitRows expected = Normalize(rows);
      const UnitRows actual = Normalize(rows.to(kGpu));
      ExpectClose(Floats(actual.rows), Floats(expected.rows), 1e-5);
      ExpectClose(Floats(actual.inverse_norm), Floats(expected.inverse_norm), 1e-5);
      // Without the factor of a row's length, which makes much of rounding in tiny rows.
      const auto across = [](const UnitRows& unit, const at::Tensor& slope) {
        return Floats(NormalizeGradient(unit, slope) / unit.inverse_norm.add(1.0));
      };
      const std::vector<float> actual_gradient = across(actual, gradient.to(kGpu));
      const std::vector<float> expected_gradient = across(expected, gradient);
      for (std::size_t i = 0; i < expected_gradient.size(); ++i) {
        ASSERT_NEAR(actual_gradient[i], expected_gradient[i], 5e-5) << "position " << i;
      }
    }
  }
}

TEST(GpuBlockTest, RowsOfZeroInputBecomeZero) {
  Random random(2);
  const at::Tensor rows = NormalMatrix(50, 256, random);
  const at::Tensor input = RowsWithZeros(50, 256, random);
  const UnitRows unit = NormalizeOnDevice(rows.to(kGpu), input.to(kGpu));
  const std::vector<float> lengths = Floats((unit.rows * unit.rows).sum(1));
  for (std::size_t row = 0; row < 50; ++row) {
    EXPECT_NEAR(lengths[row], row % 5 == 4 ? 0.0F : 1.0F, 1e-5) << row;
  }
}

TEST(GpuBlockTest, RowsThatAreNoNumbersStaySo) {
  at::Tensor rows = at::empty({1, 64}, at::kFloat).fill_(1.0F);
  rows.mutable_data_ptr<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(Floats(Normalize(rows.to(kGpu)).rows)[0]));
}

TEST(GpuBlockTest, StepsOfTheBlockEqualTheProcessors) {
  Random random(3);
  constexpr std::uint32_t kDim = 48;
  constexpr std::uint32_t kHidden = 72;
  ResidualBlock gpu(kDim, kHidden, 5, kGpu);
  ResidualBlock processor(kDim, kHidden, 5, at::kCPU);
  for (int step = 0; step < 5; ++step) {
    const at::Tensor input = RowsWithZeros(90, kDim, random);
    const at::Tensor gradient = NormalMatrix(90, kDim, random);
    const auto gpu_forward = gpu.Forward(input.to(kGpu), /*bfloat16=*/false);
    const auto forward = processor.Forward(input.clone(), /*bfloat16=*/false);
    ExpectClose(Floats(gpu_forward.output.rows), Floats(forward.output.rows), 1e-4);
    gpu.Step(gpu.Backward(gpu_forward, gradient.to(kGpu), /*bfloat16=*/false), 1e-2F);
    processor.Step(processor.Backward(forward, gradient, /*bfloat16=*/false), 1e-2F);
  }
  BagWeights actual;
  BagWeights expected;
  gpu.Export(&actual);
  processor.Export(&expected);
  EXPECT_LT(RelativeDistance(actual.w1, expected.w1), 1e-3);
  EXPECT_LT(RelativeDistance(actual.b, expected.b), 1e-3);
  EXPECT_LT(RelativeDistance(actual.w2, expected.w2), 1e-3);
}

}  // namespace
}  // namespace dashi::trainer
