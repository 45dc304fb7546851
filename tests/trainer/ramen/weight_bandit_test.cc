#include "trainer/ramen/weight_bandit.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/trainer/state_parts.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kSteps = 60'000;

std::vector<double> Values(std::span<const double> values) {
  return {values.begin(), values.end()};
}

// The first weight raises the reward, the second lowers it, the third is nothing to it.
double Reward(const WeightBandit& bandit, Random& random) {
  return 0.5 + 0.3 * bandit.weights()[0] - 0.3 * bandit.weights()[1] + 0.02 * random.Normal();
}

TEST(WeightBanditTest, WeightsFollowWhatTheyBringAndJunkFallsToItsFloor) {
  for (const double floor : {0.0, 0.05}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE(seed);
      RamenOptions options;
      options.weight_min = floor;
      WeightBandit bandit(3, options, kSteps, seed);
      Random random(seed);
      for (std::uint64_t step = 0; step < kSteps; ++step) {
        for (const double weight : bandit.weights()) {
          ASSERT_GE(weight, floor);
        }
        bandit.NoteStep(Reward(bandit, random));
      }
      EXPECT_GT(bandit.learned()[0], 0.3);
      EXPECT_LT(bandit.learned()[1], floor + 0.02);
    }
  }
}

TEST(WeightBanditTest, TheFirstTrialAndTheLastStepsTeachNothing) {
  RamenOptions options;
  options.bandit_steps = 10;
  options.weight = 0.2;
  WeightBandit bandit(2, options, /*num_steps=*/105, /*seed=*/7);
  const std::vector<double> first = Values(bandit.weights());
  EXPECT_NE(first, Values(bandit.learned()));
  Random random(3);
  for (int step = 0; step < 105; ++step) {
    if (step < 10) {
      EXPECT_EQ(Values(bandit.weights()), first);
    }
    if (step < 20) {
      EXPECT_EQ(Values(bandit.learned()), std::vector<double>(2, 0.2));
    }
    const std::vector<double> learned = Values(bandit.learned());
    bandit.NoteStep(random.UniformReal());
    if (step >= 90) {
      EXPECT_EQ(Values(bandit.weights()), learned);
      EXPECT_EQ(Values(bandit.learned()), learned);
    }
  }
  EXPECT_NE(Values(bandit.learned()), std::vector<double>(2, 0.2));
}

TEST(WeightBanditTest, AStopAtAnyStepChangesNothing) {
  RamenOptions options;
  options.bandit_steps = 7;
  for (std::uint64_t stop = 0; stop < 100; ++stop) {
    SCOPED_TRACE(stop);
    WeightBandit whole(2, options, 100, 5);
    Parts parts;
    Random random(9);
    WeightBandit resumed(2, options, 100, 5);
    for (std::uint64_t step = 0; step < 100; ++step) {
      if (step == stop) {
        MapWriter writer(&parts);
        ASSERT_TRUE(whole.Save(writer, "b").ok());
        ASSERT_TRUE(resumed.Load(MapReader(parts), "b").ok());
      }
      const double reward = random.UniformReal();
      whole.NoteStep(reward);
      if (step >= stop) {
        resumed.NoteStep(reward);
      }
    }
    EXPECT_EQ(Values(resumed.weights()), Values(whole.weights()));
    EXPECT_EQ(Values(resumed.learned()), Values(whole.learned()));
    WeightBandit other(3, options, 100, 5);
    EXPECT_EQ(other.Load(MapReader(parts), "b").code(), StatusCode::kCorruption);
  }
}

}  // namespace
}  // namespace dashi::trainer
