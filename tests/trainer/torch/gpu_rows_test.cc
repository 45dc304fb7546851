// The kernels over rows of a parameter table against those of the processor.

#include <cstring>
#include <memory>
#include <ostream>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/thread_pool.h"
#include "tests/trainer/torch/gpu_random.h"
#include "trainer/torch/device_row_table.h"
#include "trainer/torch/row_table.h"

namespace dashi::trainer {
namespace {

const at::Device kGpu(at::kCUDA, 0);

struct Shape {
  std::size_t num_texts;
  std::uint32_t vocabulary;
  std::uint32_t size_max;
  std::size_t dim;
};

void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.num_texts << " texts of up to " << shape.size_max << " of " << shape.vocabulary
       << " tokens, dim " << shape.dim;
}

// The same table on both sides.
struct Twins {
  Twins(std::size_t num_rows, std::size_t dim, Random& random) {
    const at::Tensor values = NormalMatrix(num_rows, dim, random);
    gpu = RowTable::Make(values.to(kGpu), /*portable=*/false, pool);
    cpu = RowTable::Make(values.clone(), /*portable=*/false, pool);
  }

  ThreadPool pool{1};
  std::unique_ptr<RowTable> gpu;
  std::unique_ptr<RowTable> cpu;
};

class GpuRowsTest : public ::testing::TestWithParam<Shape> {};

TEST_P(GpuRowsTest, SumsEqualTheProcessors) {
  const Shape shape = GetParam();
  Random random(1);
  Twins twins(shape.vocabulary, shape.dim, random);
  for (const bool weighted : {false, true}) {
    SCOPED_TRACE(weighted);
    const SparseRows texts =
        RandomRows(shape.num_texts, shape.vocabulary, shape.size_max, weighted, random);
    ExpectClose(Floats(twins.gpu->SumBags(texts)), Floats(twins.cpu->SumBags(texts)), 1e-5);
    BatchTokenizer tokenizer(shape.vocabulary);
    const BatchTokens& batch = tokenizer.Transpose(texts);
    const at::Tensor gradient = NormalMatrix(shape.num_texts, shape.dim, random);
    ExpectClose(Floats(twins.gpu->BagGradient(batch, gradient.to(kGpu))),
                Floats(twins.cpu->BagGradient(batch, gradient)), 1e-5);
  }
}

TEST_P(GpuRowsTest, StepsEqualTheProcessors) {
  const Shape shape = GetParam();
  Random random(2);
  Twins twins(shape.vocabulary, shape.dim, random);
  const std::vector<float> before = Floats(twins.cpu->values());
  BatchTokenizer tokenizer(shape.vocabulary);
  for (int step = 0; step < 4; ++step) {
    const SparseRows texts =
        RandomRows(shape.num_texts, shape.vocabulary, shape.size_max, step % 2 == 0, random);
    const BatchTokens& batch = tokenizer.Transpose(texts);
    const at::Tensor gradient = NormalMatrix(shape.num_texts, shape.dim, random);
    twins.gpu->StepBags(batch, gradient.to(kGpu), 0.05F);
    twins.cpu->StepBags(batch, gradient, 0.05F);
    std::vector<std::uint32_t> rows;
    for (std::uint32_t row = 0; row < shape.vocabulary; row += 3) {
      rows.push_back(row);
    }
    const at::Tensor row_gradient = NormalMatrix(rows.size(), shape.dim, random);
    twins.gpu->StepRows(rows, row_gradient.to(kGpu), 0.02F);
    twins.cpu->StepRows(rows, row_gradient, 0.02F);
  }
  const std::vector<float> after = Floats(twins.cpu->values());
  EXPECT_NE(after, before);
  EXPECT_LT(RelativeDistance(Floats(twins.gpu->values()), after), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Shapes, GpuRowsTest,
                         ::testing::Values(Shape{1, 1, 1, 1}, Shape{1, 5, 3, 4},
                                           Shape{3, 10, 0, 32}, Shape{9, 40, 12, 7},
                                           Shape{33, 64, 64, 24}, Shape{100, 300, 200, 33},
                                           Shape{70, 500, 90, 128}, Shape{257, 3000, 40, 260},
                                           Shape{31, 100, 70, 1000}, Shape{2048, 50000, 120, 256}));

// A token that is in every text, as stop words are, has lists of thousands of entries.
TEST(GpuRowTableTest, LongListsEqualTheProcessors) {
  Random random(3);
  constexpr std::uint32_t kVocabulary = 50;
  for (const std::size_t dim : {30U, 256U}) {
    Twins twins(kVocabulary, dim, random);
    SparseRows texts;
    for (std::uint32_t text = 0; text < 5000; ++text) {
      for (std::uint32_t token = 0; token < 5; ++token) {
        texts.columns.push_back(token);
        texts.values.push_back(0.5F);
      }
      if (text % 100 == 0) {
        texts.columns.push_back(5 + text % 45);
        texts.values.push_back(1.0F);
      }
      texts.offsets.push_back(texts.columns.size());
    }
    BatchTokenizer tokenizer(kVocabulary);
    const BatchTokens& batch = tokenizer.Transpose(texts);
    const at::Tensor gradient = NormalMatrix(texts.num_rows(), dim, random);
    ExpectClose(Floats(twins.gpu->BagGradient(batch, gradient.to(kGpu))),
                Floats(twins.cpu->BagGradient(batch, gradient)), 1e-5);
    twins.gpu->StepBags(batch, gradient.to(kGpu), 0.1F);
    twins.cpu->StepBags(batch, gradient, 0.1F);
    EXPECT_LT(RelativeDistance(Floats(twins.gpu->values()), Floats(twins.cpu->values())), 1e-5);
  }
}

TEST(GpuRowTableTest, UntouchedRowsKeepTheirBits) {
  Random random(4);
  Twins twins(100, 256, random);
  const std::vector<float> before = Floats(twins.gpu->values());
  SparseRows texts;
  texts.columns = {7, 9};
  texts.offsets = {0, 2, 2};
  BatchTokenizer tokenizer(100);
  twins.gpu->StepBags(tokenizer.Transpose(texts), NormalMatrix(2, 256, random).to(kGpu), 0.1F);
  const std::vector<float> after = Floats(twins.gpu->values());
  for (std::size_t row = 0; row < 100; ++row) {
    const bool same = std::memcmp(&before[row * 256], &after[row * 256], 256 * sizeof(float)) == 0;
    EXPECT_EQ(same, row != 7 && row != 9) << "row " << row;
  }
}

TEST(GpuRowTableTest, SameStepsGiveTheSameBits) {
  std::vector<std::vector<float>> results;
  for (int run = 0; run < 2; ++run) {
    Random random(5);
    Twins twins(20000, 256, random);
    BatchTokenizer tokenizer(20000);
    for (int step = 0; step < 5; ++step) {
      const SparseRows texts = RandomRows(1024, 20000, 100, true, random);
      const at::Tensor gradient = NormalMatrix(1024, 256, random).to(kGpu);
      twins.gpu->StepBags(tokenizer.Transpose(texts), gradient, 0.01F);
    }
    results.push_back(Floats(twins.gpu->values()));
  }
  EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), results[0].size() * sizeof(float)),
            0);
}

TEST(GpuRowTableTest, RowsAreAddedWherePositionsSayAlsoWhenTheyRepeat) {
  Random random(6);
  for (const std::size_t dim : {5U, 256U}) {
    const at::Tensor start = NormalMatrix(40, dim, random);
    std::vector<std::uint32_t> positions;
    for (int i = 0; i < 300; ++i) {
      positions.push_back(static_cast<std::uint32_t>(random.Uniform(20)));
    }
    const at::Tensor rows = NormalMatrix(positions.size(), dim, random);
    std::vector<float> expected = Floats(start);
    const std::vector<float> added = Floats(rows);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      for (std::size_t c = 0; c < dim; ++c) {
        expected[positions[i] * dim + c] += 0.5F * added[i * dim + c];
      }
    }
    at::Tensor sums = start.to(kGpu);
    AddRowsAt(positions, rows.to(kGpu), 0.5F, &sums);
    ExpectClose(Floats(sums), expected, 1e-5);
  }
}

}  // namespace
}  // namespace dashi::trainer
