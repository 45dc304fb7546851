#include "trainer/batch_reader.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace dashi::trainer {
namespace {

TEST(BatchReaderTest, GivesEveryBatchInOrderHoweverFarItReads) {
  for (const std::size_t depth : {0U, 1U, 2U, 50U}) {
    SCOPED_TRACE(depth);
    // A state that goes from batch to batch, as random numbers do.
    BatchReader<std::uint64_t> reader(3, 20, depth,
                                      [state = std::uint64_t{7}](std::uint32_t index) mutable {
                                        state = state * 31 + index;
                                        return state;
                                      });
    std::uint64_t expected = 7;
    for (std::uint32_t index = 3; index < 20; ++index) {
      expected = expected * 31 + index;
      EXPECT_EQ(reader.Next(), expected);
    }
  }
}

TEST(BatchReaderTest, ReadsOnAThreadOfItsOwnAndNoFurtherThanItsDepth) {
  std::atomic<std::uint32_t> num_made{0};
  std::atomic<bool> on_caller{false};
  const std::thread::id caller = std::this_thread::get_id();
  constexpr std::size_t kDepth = 3;
  BatchReader<std::uint32_t> reader(0, 1000, kDepth, [&](std::uint32_t index) {
    on_caller = on_caller || std::this_thread::get_id() == caller;
    ++num_made;
    return index;
  });
  for (std::uint32_t used = 1; used <= 100; ++used) {
    EXPECT_EQ(reader.Next(), used - 1);
    // One more may be on its way than waits.
    EXPECT_LE(num_made, used + kDepth);
  }
  EXPECT_FALSE(on_caller);
}

TEST(BatchReaderTest, EndsWhileBatchesWait) {
  const auto alive = std::make_shared<int>(0);
  {
    BatchReader<std::shared_ptr<int>> reader(0, 100, 4, [&](std::uint32_t) { return alive; });
    EXPECT_EQ(reader.Next(), alive);
  }
  EXPECT_EQ(alive.use_count(), 1);
  // No batch at all, and one that nobody asks for.
  BatchReader<int>(5, 5, 2, [](std::uint32_t) { return 0; });
  BatchReader<int>(0, 1, 2, [](std::uint32_t) { return 0; });
}

TEST(BatchReaderTest, CountsTheTimeThatItsCallerWaits) {
  BatchReader<int> reader(0, 1, 0, [](std::uint32_t) {
    const Stopwatch since_begin;
    while (since_begin.Seconds() < 0.01) {
    }
    return 1;
  });
  EXPECT_EQ(reader.wait_seconds(), 0);
  EXPECT_EQ(reader.Next(), 1);
  EXPECT_GE(reader.wait_seconds(), 0.01);
}

TEST(BatchReaderTest, WhatAMakerThrowsComesOutAtItsBatch) {
  for (const std::size_t depth : {0U, 1U, 20U}) {
    SCOPED_TRACE(depth);
    BatchReader<std::uint32_t> reader(0, 10, depth, [](std::uint32_t index) {
      if (index == 4) {
        throw std::bad_alloc();
      }
      return index;
    });
    for (std::uint32_t index = 0; index < 4; ++index) {
      EXPECT_EQ(reader.Next(), index);
    }
    EXPECT_THROW(reader.Next(), std::bad_alloc);
  }
}

}  // namespace
}  // namespace dashi::trainer
