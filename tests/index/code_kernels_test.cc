#include "index/code_kernels.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/row_codes.h"
#include "index/vector_kernels.h"
#include "tests/index/random_vectors.h"

namespace dashi::index {
namespace {

constexpr std::size_t kDims[] = {1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 256, 384, 4097};

// Every instruction set of this machine.
class CodeKernelsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(ForceKernelTarget(GetParam())); }
  void TearDown() override { ASSERT_TRUE(ForceKernelTarget("")); }

  static std::vector<std::uint8_t> Encode(const std::vector<std::uint16_t>& rows, std::size_t dim) {
    const std::size_t num_rows = rows.size() / dim;
    std::vector<std::uint8_t> codes(num_rows * CodeRowBytes(dim) + kCodePaddingBytes, 0xA5);
    for (std::size_t row = 0; row < num_rows; ++row) {
      EncodeRow(rows.data() + row * dim, dim, codes.data() + row * CodeRowBytes(dim));
    }
    return codes;
  }

  Random random_{31};
};

TEST_P(CodeKernelsTest, ScoresAreThoseOfTheNaiveLoopBitForBit) {
  for (const std::size_t dim : kDims) {
    const std::size_t num_rows = 1 + random_.Uniform(30);
    SCOPED_TRACE(std::to_string(dim) + " x " + std::to_string(num_rows));
    const std::vector<std::uint8_t> codes =
        Encode(HalfRows(GaussianRows(num_rows, dim, random_)), dim);
    const std::vector<float> query = GaussianRows(1, dim, random_);
    std::vector<std::int16_t> packed(PackedQuerySize(dim), 77);
    const float scale = PackQuery(query.data(), dim, packed.data());
    std::vector<std::uint32_t> positions(2 * num_rows);
    for (std::uint32_t& position : positions) {
      position = static_cast<std::uint32_t>(random_.Uniform(num_rows));
    }
    std::vector<float> got(positions.size());
    std::vector<float> want(positions.size());
    ScoreCodeRowsAt(packed.data(), scale, codes.data(), positions, dim, got.data());
    ScoreCodeRowsAtNaive(packed.data(), scale, codes.data(), positions, dim, want.data());
    EXPECT_EQ(got, want);
  }
}

TEST_P(CodeKernelsTest, ScoresComeNearTheVectorsOwn) {
  for (const std::size_t dim : kDims) {
    SCOPED_TRACE(dim);
    const std::vector<std::uint16_t> row = HalfRows(GaussianRows(1, dim, random_));
    const std::vector<float> query = GaussianRows(1, dim, random_);
    std::vector<float> values(dim);
    FromHalf(row.data(), values.data(), dim);
    float largest = 0;
    float query_norm = 0;
    for (std::size_t i = 0; i < dim; ++i) {
      largest = std::max(largest, std::abs(values[i]));
      query_norm += std::abs(query[i]);
    }
    const RowCodes codes({row.data(), 1, dim});
    CodedQuery prepared;
    codes.view().Prepare(query, &prepared);
    const Position position = 0;
    float score = 0;
    codes.view().ScoreAt(prepared, {&position, 1}, &score);
    EXPECT_NEAR(score, DotHalf(query.data(), row.data(), dim),
                largest / 250 * query_norm + 1e-3F * static_cast<float>(dim) * largest);
  }
}

TEST_P(CodeKernelsTest, LargestValuesDoNotOverflow) {
  for (const std::size_t dim : {1U, 384U, 20'000U}) {
    SCOPED_TRACE(dim);
    const std::vector<std::uint8_t> codes = Encode(HalfRows(std::vector<float>(dim, -60'000)), dim);
    const std::vector<float> query(dim, 1e25F);
    std::vector<std::int16_t> packed(PackedQuerySize(dim));
    const float scale = PackQuery(query.data(), dim, packed.data());
    const std::uint32_t position = 0;
    float score = 0;
    ScoreCodeRowsAt(packed.data(), scale, codes.data(), {&position, 1}, dim, &score);
    EXPECT_NEAR(score / (-6e29F * static_cast<float>(dim)), 1, 0.01);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, CodeKernelsTest, ::testing::ValuesIn(KernelTargets()));

TEST(EncodeRowTest, ValuesThatAreNoNumbersDoNoHarm) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<std::uint16_t> row =
      HalfRows({kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 65504, 0});
  std::vector<std::uint8_t> out(CodeRowBytes(row.size()));
  EncodeRow(row.data(), row.size(), out.data());
  float scale = 0;
  std::memcpy(&scale, out.data(), sizeof(scale));
  EXPECT_NEAR(scale, 65504.0F / 127, 0.01);
  std::vector<std::int8_t> codes(row.size());
  std::memcpy(codes.data(), out.data() + sizeof(scale), codes.size());
  EXPECT_EQ(codes, (std::vector<std::int8_t>{127, -127, 0, 127, 0}));
}

TEST(EncodeRowTest, ARowOfZerosScoresZero) {
  const std::vector<std::uint16_t> row(9, 0);
  const RowCodes codes({row.data(), 1, row.size()});
  CodedQuery prepared;
  codes.view().Prepare(std::vector<float>(9, 0.0F), &prepared);
  const Position position = 0;
  float score = 1;
  codes.view().ScoreAt(prepared, {&position, 1}, &score);
  EXPECT_EQ(score, 0);
}

}  // namespace
}  // namespace dashi::index
