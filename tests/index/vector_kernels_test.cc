#include "index/vector_kernels.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_kernels_naive.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kDims[] = {1,  2,  3,  5,  7,  8,   9,   15,  16,  17,  31,
                                 32, 33, 47, 63, 65, 100, 127, 256, 300, 384, 769};

// Every instruction set of this machine.
class VectorKernelsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ForceKernelTarget(GetParam()));
    ASSERT_EQ(KernelTarget(), GetParam());
  }
  void TearDown() override { ASSERT_TRUE(ForceKernelTarget("")); }

  // Rounding of a sum of `dim` products of numbers about 1.
  static float Tolerance(std::size_t dim) { return 2e-6F * static_cast<float>(dim + 4); }

  Random random_{20240};
};

TEST_P(VectorKernelsTest, ConvertsEveryHalfToFloatExactly) {
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    halves[i] = static_cast<std::uint16_t>(i);
  }
  std::vector<float> got(halves.size());
  std::vector<float> want(halves.size());
  FromHalf(halves.data(), got.data(), halves.size());
  naive::FromHalf(halves.data(), want.data(), halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) {
    if (std::isnan(want[i])) {
      ASSERT_TRUE(std::isnan(got[i])) << i;
    } else {
      ASSERT_EQ(std::signbit(got[i]), std::signbit(want[i])) << i;
      ASSERT_EQ(got[i], want[i]) << i;
    }
  }
}

TEST_P(VectorKernelsTest, RoundsFloatsToTheNearestHalf) {
  std::vector<float> values = {0.0F,    -0.0F,    65504.0F,      65519.99F, 65520.0F, -1e9F,
                               1e-30F,  2.98e-8F, 2.9802322e-8F, 2.99e-8F,  6.1e-5F,  6.103e-5F,
                               1.0005F, 2049.0F,  2051.0F,       0.33333F};
  values.push_back(std::numeric_limits<float>::infinity());
  values.push_back(-std::numeric_limits<float>::infinity());
  for (int i = 0; i < 200'000; ++i) {
    // Random bits reach subnormals, overflow and ties; scaled ones stay in the half range.
    const auto bits = static_cast<std::uint32_t>(random_.Next());
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isnan(value)) {
      values.push_back(value);
    }
    values.push_back(std::ldexp(static_cast<float>(random_.Normal()),
                                static_cast<int>(random_.Uniform(44)) - 28));
    // Halfway between two neighbouring halves.
    values.push_back(std::ldexp(static_cast<float>(2 * random_.Uniform(4096) + 1),
                                static_cast<int>(random_.Uniform(30)) - 26));
  }
  std::vector<std::uint16_t> got(values.size());
  std::vector<std::uint16_t> want(values.size());
  ToHalf(values.data(), got.data(), values.size());
  naive::ToHalf(values.data(), want.data(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(got[i], want[i]) << values[i];
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::uint16_t half = 0;
  float back = 0;
  ToHalf(&nan, &half, 1);
  FromHalf(&half, &back, 1);
  EXPECT_TRUE(std::isnan(back));
}

TEST_P(VectorKernelsTest, DotProductsMatchTheNaiveLoop) {
  for (const std::size_t dim : kDims) {
    SCOPED_TRACE(dim);
    const std::vector<float> a = GaussianRows(1, dim, random_);
    const std::vector<float> b = GaussianRows(1, dim, random_);
    const std::vector<std::uint16_t> half_a = HalfRows(a);
    const std::vector<std::uint16_t> half_b = HalfRows(b);
    EXPECT_NEAR(Dot(a.data(), b.data(), dim), naive::Dot(a.data(), b.data(), dim), Tolerance(dim));
    EXPECT_NEAR(DotHalf(a.data(), half_b.data(), dim), naive::DotHalf(a.data(), half_b.data(), dim),
                Tolerance(dim));
    EXPECT_NEAR(DotHalves(half_a.data(), half_b.data(), dim),
                naive::DotHalves(half_a.data(), half_b.data(), dim), Tolerance(dim));
  }
  EXPECT_EQ(Dot(nullptr, nullptr, 0), 0.0F);
  EXPECT_EQ(DotHalf(nullptr, nullptr, 0), 0.0F);
}

TEST_P(VectorKernelsTest, RowScoresMatchTheNaiveLoopAndEachOtherBitByBit) {
  for (const std::size_t dim : kDims) {
    const std::size_t num_rows = 1 + random_.Uniform(40);
    SCOPED_TRACE(std::to_string(dim) + " x " + std::to_string(num_rows));
    const std::vector<float> query = GaussianRows(1, dim, random_);
    const std::vector<std::uint16_t> rows = HalfRows(GaussianRows(num_rows, dim, random_));
    std::vector<float> got(num_rows);
    std::vector<float> want(num_rows);
    ScoreHalfRows(query.data(), rows.data(), num_rows, dim, got.data());
    naive::ScoreHalfRows(query.data(), rows.data(), num_rows, dim, want.data());
    std::vector<std::uint32_t> positions(2 * num_rows);
    for (std::uint32_t& position : positions) {
      position = static_cast<std::uint32_t>(random_.Uniform(num_rows));
    }
    std::vector<float> picked(positions.size());
    ScoreHalfRowsAt(query.data(), rows.data(), positions, dim, picked.data());
    for (std::size_t r = 0; r < num_rows; ++r) {
      ASSERT_NEAR(got[r], want[r], Tolerance(dim));
      ASSERT_EQ(got[r], DotHalf(query.data(), rows.data() + r * dim, dim));
    }
    for (std::size_t i = 0; i < positions.size(); ++i) {
      ASSERT_EQ(picked[i], got[positions[i]]);
    }
  }
}

TEST_P(VectorKernelsTest, ScaledAdditionsTouchOnlyTheirOwnValues) {
  for (const std::size_t dim : kDims) {
    SCOPED_TRACE(dim);
    const std::vector<float> x = GaussianRows(1, dim, random_);
    const std::vector<std::uint16_t> half_x = HalfRows(x);
    std::vector<float> y = GaussianRows(1, dim + 1, random_);
    std::vector<float> want = y;
    AddScaled(0.7F, x.data(), y.data(), dim);
    AddScaledHalf(-1.3F, half_x.data(), y.data(), dim);
    naive::AddScaled(0.7F, x.data(), want.data(), dim);
    naive::AddScaledHalf(-1.3F, half_x.data(), want.data(), dim);
    for (std::size_t i = 0; i < dim; ++i) {
      ASSERT_NEAR(y[i], want[i], 2e-6F);
    }
    ASSERT_EQ(y[dim], want[dim]);
  }
}

TEST_P(VectorKernelsTest, MatrixVectorMatchesTheNaiveLoop) {
  for (const std::size_t dim : kDims) {
    const std::size_t num_rows = random_.Uniform(70);
    SCOPED_TRACE(std::to_string(num_rows) + " x " + std::to_string(dim));
    const std::vector<float> matrix = GaussianRows(num_rows, dim, random_);
    const std::vector<float> x = GaussianRows(1, dim, random_);
    std::vector<float> got(num_rows);
    std::vector<float> want(num_rows);
    MatrixVector(matrix.data(), x.data(), num_rows, dim, got.data());
    naive::MatrixVector(matrix.data(), x.data(), num_rows, dim, want.data());
    for (std::size_t r = 0; r < num_rows; ++r) {
      ASSERT_NEAR(got[r], want[r], Tolerance(dim));
    }
  }
}

TEST_P(VectorKernelsTest, NormalizesToUnitLengthAtAnyMagnitude) {
  for (const std::size_t dim : kDims) {
    for (const float magnitude : {1.0F, 1e-30F, 1e-42F, 1e30F}) {
      SCOPED_TRACE(std::to_string(dim) + " at " + std::to_string(std::log10(magnitude)));
      std::vector<float> x = GaussianRows(1, dim, random_);
      for (float& value : x) {
        value *= magnitude;
      }
      std::vector<float> want = x;
      const float norm = NormalizeInPlace(x.data(), dim);
      const float want_norm = naive::NormalizeInPlace(want.data(), dim);
      EXPECT_NEAR(norm / want_norm, want_norm > 0 ? 1.0F : std::nanf(""), 1e-5F);
      for (std::size_t i = 0; i < dim; ++i) {
        ASSERT_NEAR(x[i], want[i], 1e-6F);
      }
    }
    std::vector<float> zero(dim);
    EXPECT_EQ(NormalizeInPlace(zero.data(), dim), 0.0F);
    EXPECT_THAT(zero, ::testing::Each(0.0F));
  }
}

TEST_P(VectorKernelsTest, PanelsHoldTheRowsAndTheirProductsMatchTheNaiveLoop) {
  for (const std::size_t dim : {1UL, 3UL, 16UL, 65UL, 130UL}) {
    for (const std::size_t num_rows : {1UL, 31UL, 32UL, 33UL, 70UL}) {
      const std::size_t num_queries = 1 + random_.Uniform(19);
      SCOPED_TRACE(std::to_string(num_queries) + " x " + std::to_string(num_rows) + " x " +
                   std::to_string(dim));
      const std::vector<std::uint16_t> rows = HalfRows(GaussianRows(num_rows, dim, random_));
      const std::vector<float> queries = GaussianRows(num_queries, dim, random_);
      std::vector<float> got(PackedPanelSize(num_rows, dim), -1.0F);
      std::vector<float> want(got.size(), -2.0F);
      PackPanels(rows.data(), num_rows, dim, got.data());
      naive::PackPanels(rows.data(), num_rows, dim, want.data());
      ASSERT_EQ(got, want);

      const std::size_t stride = PackedPanelSize(num_rows, 1) + 5;
      std::vector<float> scores(num_queries * stride, 7.0F);
      std::vector<float> want_scores(scores.size(), 7.0F);
      ScorePanels(queries.data(), num_queries, got.data(), num_rows, dim, stride, scores.data());
      naive::ScorePanels(queries.data(), num_queries, got.data(), num_rows, dim, stride,
                         want_scores.data());
      for (std::size_t i = 0; i < scores.size(); ++i) {
        ASSERT_NEAR(scores[i], want_scores[i], Tolerance(dim));
      }
      // The bits do not depend on which queries stand beside.
      std::vector<float> alone(stride);
      ScorePanels(queries.data() + (num_queries - 1) * dim, 1, got.data(), num_rows, dim, stride,
                  alone.data());
      for (std::size_t r = 0; r < num_rows; ++r) {
        ASSERT_EQ(alone[r], scores[(num_queries - 1) * stride + r]);
      }
    }
  }
}

TEST_P(VectorKernelsTest, FindAboveFindsTheFirstStrictlyGreaterValue) {
  for (int round = 0; round < 500; ++round) {
    std::vector<float> values(random_.Uniform(80));
    for (float& value : values) {
      value = static_cast<float>(random_.Uniform(12));
    }
    if (!values.empty() && round % 5 == 0) {
      values[random_.Uniform(values.size())] = std::nanf("");
    }
    const std::size_t begin = random_.Uniform(values.size() + 1);
    const auto threshold = static_cast<float>(random_.Uniform(13));
    ASSERT_EQ(FindAbove(values.data(), begin, values.size(), threshold),
              naive::FindAbove(values.data(), begin, values.size(), threshold));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, VectorKernelsTest, ::testing::ValuesIn(KernelTargets()),
                         [](const auto& target) { return target.param; });

TEST(KernelTargetTest, TheBestTargetIsTheDefaultAndUnknownNamesAreRefused) {
  ASSERT_FALSE(KernelTargets().empty());
  EXPECT_EQ(KernelTarget(), KernelTargets().front());
  EXPECT_FALSE(ForceKernelTarget("ABACUS"));
  EXPECT_EQ(KernelTarget(), KernelTargets().front());
}

}  // namespace
}  // namespace dashi::index
