#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/ramen/ramen_options.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// Learns weights of loss terms from what the task gains: for some steps weights near the learned
/// ones are tried, and the learned ones move towards them when the reward was above its running
/// mean, away when it was below. Between steps it is a function of the seed and the rewards.
///
/// Threads: one thread at a time.
/// Paper:   RAMEN (WWW 2025) has a bandit a weight with a rate of .01, and says no more. This is
///          REINFORCE with a Gaussian of fixed deviation and a clipped gradient, as its authors'
///          library has it.
class WeightBandit {
 public:
  /// `num_steps`: that will be noted in all. The last share of them has the learned weights.
  WeightBandit(std::size_t num_weights, const RamenOptions& options, std::uint64_t num_steps,
               std::uint64_t seed);

  /// What the next step weighs its terms with.
  std::span<const double> weights() const { return tried_; }
  /// What was learned so far.
  std::span<const double> learned() const { return learned_; }

  /// Ends a step.
  void NoteStep(double reward);

  /// Errors: the writer's.
  Status Save(StateWriter& to, const std::string& name) const;
  /// Errors: kCorruption, kNotFound naming the part; the bandit is then of no use.
  Status Load(const StateReader& from, const std::string& name);

 private:
  void EndTrial();
  void BeginTrial();

  const RamenOptions options_;
  const std::uint64_t seed_;
  const std::uint64_t first_frozen_;  // the first step that is not a trial's
  std::vector<double> learned_;       // [num_weights]
  std::vector<double> tried_;         // [num_weights]
  std::uint64_t num_steps_ = 0;       // that were noted
  double reward_sum_ = 0;             // of the present trial
  double reward_mean_ = 0;            // of trials, the last ones most
  bool has_mean_ = false;
};

}  // namespace dashi::trainer
