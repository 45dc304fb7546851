#include "trainer/ramen/weight_bandit.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

// What the gradient of a weight is cut to.
constexpr double kGradientMax = 1.0;

std::uint64_t FirstFrozen(const RamenOptions& options, std::uint64_t num_steps) {
  const auto trials = static_cast<std::uint64_t>(
      std::llround(static_cast<double>(num_steps) * (1.0 - options.bandit_frozen_share)));
  return trials / options.bandit_steps * options.bandit_steps;
}

}  // namespace

WeightBandit::WeightBandit(std::size_t num_weights, const RamenOptions& options,
                           std::uint64_t num_steps, std::uint64_t seed)
    : options_(options),
      seed_(seed),
      first_frozen_(FirstFrozen(options, num_steps)),
      learned_(num_weights, std::max(options.weight, options.weight_min)),
      tried_(learned_) {
  BeginTrial();
}

void WeightBandit::BeginTrial() {
  if (num_steps_ >= first_frozen_) {
    tried_ = learned_;
    return;
  }
  // Of the number of the trial alone, so that no random state is to be saved.
  Random random(seed_ + num_steps_ / options_.bandit_steps);
  for (std::size_t i = 0; i < tried_.size(); ++i) {
    tried_[i] =
        std::max(learned_[i] + options_.bandit_deviation * random.Normal(), options_.weight_min);
  }
}

void WeightBandit::EndTrial() {
  const double reward = reward_sum_ / options_.bandit_steps;
  reward_sum_ = 0;
  if (!has_mean_) {
    has_mean_ = true;
    reward_mean_ = reward;
    return;
  }
  const double variance = options_.bandit_deviation * options_.bandit_deviation;
  for (std::size_t i = 0; i < learned_.size(); ++i) {
    const double gradient = (reward - reward_mean_) * (tried_[i] - learned_[i]) / variance;
    learned_[i] += options_.bandit_rate * std::clamp(gradient, -kGradientMax, kGradientMax);
    learned_[i] = std::max(learned_[i], options_.weight_min);
  }
  reward_mean_ =
      options_.bandit_momentum * reward_mean_ + (1.0 - options_.bandit_momentum) * reward;
}

void WeightBandit::NoteStep(double reward) {
  if (num_steps_ < first_frozen_) {
    reward_sum_ += reward;
  }
  ++num_steps_;
  if (num_steps_ <= first_frozen_ && num_steps_ % options_.bandit_steps == 0) {
    EndTrial();
    BeginTrial();
  }
}

Status WeightBandit::Save(StateWriter& to, const std::string& name) const {
  std::vector<double> numbers(learned_);
  numbers.insert(numbers.end(), tried_.begin(), tried_.end());
  numbers.insert(numbers.end(), {static_cast<double>(num_steps_), reward_sum_, reward_mean_,
                                 has_mean_ ? 1.0 : 0.0});
  return PutVector(to, name, numbers);
}

Status WeightBandit::Load(const StateReader& from, const std::string& name) {
  std::vector<double> numbers;
  DASHI_RETURN_IF_ERROR(GetVector(from, name, &numbers));
  const std::size_t num_weights = learned_.size();
  if (numbers.size() != 2 * num_weights + 4 ||
      !std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); }) ||
      numbers[2 * num_weights] < 0) {
    return Status::Corruption("the part " + name + " of a checkpoint does not fit the graphs");
  }
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(num_weights);
  std::copy(numbers.begin(), middle, learned_.begin());
  std::copy_n(middle, num_weights, tried_.begin());
  num_steps_ = static_cast<std::uint64_t>(numbers[2 * num_weights]);
  reward_sum_ = numbers[2 * num_weights + 1];
  reward_mean_ = numbers[2 * num_weights + 2];
  has_mean_ = numbers[2 * num_weights + 3] != 0;
  return Status();
}

}  // namespace dashi::trainer
