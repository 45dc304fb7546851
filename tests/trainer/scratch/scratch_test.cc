#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/testing/failing_gate.h"
#include "tests/testing/tiny_database.h"
#include "trainer/scratch/number_array.h"
#include "trainer/scratch/number_writer.h"
#include "trainer/scratch/row_writer.h"
#include "trainer/scratch/scratch_array.h"
#include "trainer/scratch/scratch_space.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

using testing::FailingGate;
using testing::TemporaryDirectory;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

class ScratchTest : public ::testing::Test {
 protected:
  std::unique_ptr<ScratchSpace> Space(std::uint64_t memory_bytes_max) {
    return std::make_unique<ScratchSpace>(
        ScratchSpace::Options{folder_.path(), &gate_, memory_bytes_max, {}});
  }
  std::size_t NumFiles() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
  }

  TemporaryDirectory folder_;
  FailingGate gate_;
};

TEST_F(ScratchTest, NumbersAreTheSameInMemoryAndInAFile) {
  // Chunks of all sizes, an empty one among them, up to more than a buffer.
  Random random(5);
  std::vector<std::uint32_t> expected;
  std::vector<std::size_t> sizes{0, 1, 7, 400'000, 3, 300'000, 2};
  for (const std::uint64_t memory : {std::uint64_t{0}, kMiB, 100 * kMiB}) {
    SCOPED_TRACE(memory);
    const auto space = Space(memory);
    NumberWriter<std::uint32_t> writer(space.get());
    expected.clear();
    for (const std::size_t size : sizes) {
      std::vector<std::uint32_t> chunk(size);
      for (std::uint32_t& number : chunk) {
        number = static_cast<std::uint32_t>(random.Next());
      }
      ASSERT_TRUE(writer.Append(chunk).ok());
      expected.insert(expected.end(), chunk.begin(), chunk.end());
    }
    EXPECT_EQ(writer.size(), expected.size());
    auto numbers = writer.Finish();
    ASSERT_TRUE(numbers.ok()) << numbers.status().ToString();
    EXPECT_EQ(numbers->is_mapped(), memory < 100 * kMiB);
    EXPECT_TRUE(numbers->ToVector() == expected);
    EXPECT_EQ(numbers->back(), expected.back());
    EXPECT_EQ(space->memory_bytes() > 0, !numbers->is_mapped());
    EXPECT_EQ(space->file_bytes_written(), numbers->is_mapped() ? expected.size() * 4 : 0);
    EXPECT_EQ(NumFiles(), 0U);  // The name is gone, the numbers are not.
    numbers->WillNeed(0, numbers->size());

    NumberArray<std::uint32_t> copy = *numbers;
    EXPECT_EQ(copy, *numbers);
    EXPECT_EQ(copy.data() == numbers->data(), numbers->is_mapped());
    const NumberArray<std::uint32_t> moved = std::move(numbers).value();
    EXPECT_EQ(moved, copy);
  }
}

TEST_F(ScratchTest, MemoryOfASpaceIsSharedAndGivenBack) {
  const auto space = Space(3 * kMiB);
  const std::vector<char> two(2 * kMiB);
  {
    NumberWriter<char> first(space.get());
    NumberWriter<char> second(space.get());
    ASSERT_TRUE(first.Append(two).ok());
    ASSERT_TRUE(second.Append(two).ok());
    EXPECT_EQ(space->memory_bytes(), 2 * kMiB);
    EXPECT_EQ(first.Finish().value().is_mapped(), false);
    EXPECT_EQ(second.Finish().value().is_mapped(), true);
  }
  EXPECT_EQ(space->memory_bytes(), 0U);
  // A writer that grows too large gives back what it had.
  NumberWriter<char> grown(space.get());
  ASSERT_TRUE(grown.Append(two).ok());
  ASSERT_TRUE(grown.Append(two).ok());
  EXPECT_EQ(space->memory_bytes(), 0U);
  EXPECT_EQ(NumFiles(), 1U);
}

TEST_F(ScratchTest, ArraysBehaveAsVectorsDo) {
  NumberArray<std::uint32_t> array{3, 1};
  array.push_back(2);
  const std::vector<std::uint32_t> more{9, 8};
  array.insert(array.end(), more.begin(), more.end());
  array.insert(array.begin(), more.begin(), more.begin() + 1);
  EXPECT_EQ(array.ToVector(), (std::vector<std::uint32_t>{9, 3, 1, 2, 9, 8}));
  std::sort(array.own(), array.own() + array.size());
  EXPECT_EQ(array.ToVector(), (std::vector<std::uint32_t>{1, 2, 3, 8, 9, 9}));
  array.resize(2);
  EXPECT_EQ(array.size(), 2U);
  NumberArray<std::uint32_t> other = array;
  other.push_back(7);
  EXPECT_EQ(array.size(), 2U);
  EXPECT_FALSE(other == array);
  array = other;
  EXPECT_EQ(array, other);
  other = std::move(array);
  EXPECT_EQ(other.back(), 7U);
  other.assign(3, 5);
  EXPECT_EQ(other.ToVector(), (std::vector<std::uint32_t>{5, 5, 5}));
  other.clear();
  EXPECT_TRUE(other.empty());
}

TEST_F(ScratchTest, RowsAreTheSameInMemoryAndInFiles) {
  Random random(3);
  SparseRows expected;
  const auto space = Space(0);
  RowWriter writer(space.get());
  for (int part = 0; part < 20; ++part) {
    SparseRows rows;
    for (int row = 0; row < 50; ++row) {
      for (std::uint64_t i = random.Uniform(4); i > 0; --i) {
        rows.columns.push_back(static_cast<std::uint32_t>(random.Uniform(100)));
        rows.values.push_back(static_cast<float>(random.UniformReal()));
      }
      rows.offsets.push_back(rows.columns.size());
      AppendRow(rows, rows.num_rows() - 1, &expected);
    }
    if (part % 2 == 0) {
      ASSERT_TRUE(writer.Append(rows).ok());
      continue;
    }
    for (std::size_t row = 0; row < rows.num_rows(); ++row) {
      const auto columns = RowColumns(rows, row);
      ASSERT_TRUE(writer
                      .Append(columns, std::span<const float>(rows.values)
                                           .subspan(rows.offsets[row], columns.size()))
                      .ok());
    }
  }
  const auto written = writer.Finish();
  ASSERT_TRUE(written.ok()) << written.status().ToString();
  EXPECT_TRUE(written->columns.is_mapped());
  EXPECT_EQ(written->offsets, expected.offsets);
  EXPECT_EQ(written->columns, expected.columns);
  EXPECT_EQ(written->values, expected.values);
  const std::vector<std::uint32_t> chosen{7, 999, 0};
  WillNeedRows(*written, chosen);
  EXPECT_EQ(SelectRows(*written, chosen).columns, SelectRows(expected, chosen).columns);

  RowWriter nothing(space.get());
  EXPECT_EQ(nothing.Finish().value().num_rows(), 0U);
}

TEST_F(ScratchTest, FixedArraysAreZeroAndCanBeChanged) {
  for (const std::uint64_t memory : {std::uint64_t{0}, 100 * kMiB}) {
    SCOPED_TRACE(memory);
    const auto space = Space(memory);
    constexpr std::size_t kSize = 1'000'003;
    auto array = ScratchArray<std::uint16_t>::Make(space.get(), kSize);
    ASSERT_TRUE(array.ok()) << array.status().ToString();
    EXPECT_EQ(array->is_mapped(), memory == 0);
    EXPECT_EQ(NumFiles(), 0U);
    std::uint64_t sum = 0;
    for (const std::uint16_t number : array->all()) {
      sum += number;
    }
    EXPECT_EQ(sum, 0U);
    for (std::size_t i = 0; i < kSize; ++i) {
      (*array)[i] = static_cast<std::uint16_t>(i);
    }
    array->WillNeed(kSize - 1, 1);
    const ScratchArray<std::uint16_t> moved = std::move(array).value();
    EXPECT_EQ(moved.size(), kSize);
    EXPECT_EQ(moved[kSize - 1], static_cast<std::uint16_t>(kSize - 1));
    EXPECT_EQ(moved[77], 77U);
  }
}

// Whichever change of a file fails, the caller learns of it, and no file is left.
TEST_F(ScratchTest, AFullDiskLeavesNothing) {
  const auto write = [&] {
    const auto space = Space(0);
    NumberWriter<std::uint64_t> writer(space.get());
    const std::vector<std::uint64_t> numbers(100'000, 7);
    for (int i = 0; i < 5; ++i) {
      DASHI_RETURN_IF_ERROR(writer.Append(numbers));
    }
    DASHI_RETURN_IF_ERROR(writer.Finish().status());
    return ScratchArray<std::uint32_t>::Make(space.get(), 1'000'000).status();
  };
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    gate_.Arm(FailingGate::Fault::kFull, nth);
    const Status status = write();
    if (gate_.failed().empty()) {
      EXPECT_TRUE(status.ok()) << status.ToString();
      EXPECT_GT(nth, 8U);
      break;
    }
    EXPECT_EQ(status.sqlstate(), "53100") << gate_.failed();
    gate_.Clear();
    EXPECT_EQ(NumFiles(), 0U);
  }
}

TEST_F(ScratchTest, AsksForRoomBeforeItWrites) {
  std::uint64_t asked = 0;
  ScratchSpace space({folder_.path(), &gate_, 0, [&](std::uint64_t bytes) {
                        asked += bytes;
                        return asked > 40 * kMiB ? Status::ResourceExhausted("no room") : Status();
                      }});
  NumberWriter<char> writer(&space);
  const std::vector<char> piece(4 * kMiB);
  Status status;
  std::uint64_t written = 0;
  while (status.ok() && written < 100 * kMiB) {
    status = writer.Append(piece);
    written += piece.size();
    EXPECT_LE(space.file_bytes_written(), asked);
  }
  EXPECT_EQ(status.message(), "no room");
  EXPECT_LE(space.file_bytes_written(), 40 * kMiB);
}

}  // namespace
}  // namespace dashi::trainer
