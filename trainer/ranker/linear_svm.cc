#include "trainer/ranker/linear_svm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/random.h"

namespace dashi::trainer {
namespace {

constexpr std::uint32_t kNone = 0xFFFFFFFF;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Projected gradients below this are zero.
constexpr double kGradientMin = 1e-12;

}  // namespace

/// Which examples a pass may leave out, by the extreme projected gradients of the pass before.
class SvmShrinking {
 public:
  explicit SvmShrinking(std::uint64_t seed) : random(seed) {}

  // A bounded example whose gradient exceeds what any had in the last pass.
  bool Drops(double gradient) const { return gradient > highest_before_; }
  void Begin() {
    highest_ = -kInfinity;
    lowest_ = kInfinity;
  }
  void See(double projected) {
    highest_ = std::max(highest_, projected);
    lowest_ = std::min(lowest_, projected);
  }
  double End() {
    highest_before_ = highest_ <= 0 ? kInfinity : highest_;
    return highest_ - lowest_;
  }
  void Forget() { highest_before_ = kInfinity; }

  Random random;

 private:
  double highest_before_ = kInfinity;
  double highest_ = -kInfinity;
  double lowest_ = kInfinity;
};

LinearSvm::LinearSvm(std::uint32_t num_features) : local_of_(num_features, kNone) {}

void LinearSvm::Gather(std::span<const SvmExample> examples) {
  features_.clear();
  offsets_.assign(1, 0);
  columns_.clear();
  values_.clear();
  signs_.clear();
  for (const SvmExample& example : examples) {
    for (const std::uint32_t feature : example.features) {
      if (local_of_[feature] == kNone) {
        local_of_[feature] = static_cast<std::uint32_t>(features_.size());
        features_.push_back(feature);
      }
      columns_.push_back(local_of_[feature]);
    }
    values_.insert(values_.end(), example.values.begin(), example.values.end());
    offsets_.push_back(columns_.size());
    signs_.push_back(example.positive ? 1.0F : -1.0F);
  }
  for (const std::uint32_t feature : features_) {
    local_of_[feature] = kNone;
  }
}

double LinearSvm::Score(std::uint32_t example) const {
  float sum = 0;
  for (std::uint64_t i = offsets_[example]; i < offsets_[example + 1]; ++i) {
    sum += weights_[columns_[i]] * values_[i];
  }
  return static_cast<double>(sum) + bias_;
}

void LinearSvm::AddToWeights(std::uint32_t example, double step) {
  const auto factor = static_cast<float>(step);
  for (std::uint64_t i = offsets_[example]; i < offsets_[example + 1]; ++i) {
    weights_[columns_[i]] += factor * values_[i];
  }
  bias_ += step;
}

double LinearSvm::Pass(const SvmOptions& options, SvmShrinking* shrinking) {
  shrinking->random.Shuffle(std::span(active_));
  shrinking->Begin();
  const double diagonal = 1.0 / (2.0 * options.c);
  for (std::size_t i = 0; i < active_.size();) {
    const std::uint32_t example = active_[i];
    const double sign = signs_[example];
    double& alpha = alphas_[example];
    const double gradient = sign * Score(example) - 1.0 + diagonal * alpha;
    double projected = gradient;
    if (alpha == 0) {
      if (shrinking->Drops(gradient)) {
        active_[i] = active_.back();
        active_.pop_back();
        continue;
      }
      projected = std::min(gradient, 0.0);
    }
    shrinking->See(projected);
    if (std::abs(projected) > kGradientMin) {
      const double before = alpha;
      alpha = std::max(alpha - gradient / diagonal_[example], 0.0);
      AddToWeights(example, (alpha - before) * sign);
    }
    ++i;
  }
  return shrinking->End();
}

SvmModel LinearSvm::Train(std::span<const SvmExample> examples, const SvmOptions& options,
                          std::uint64_t seed) {
  Gather(examples);
  const std::size_t num_examples = signs_.size();
  weights_.assign(features_.size(), 0.0F);
  bias_ = 0;
  alphas_.assign(num_examples, 0.0);
  diagonal_.resize(num_examples);
  for (std::size_t example = 0; example < num_examples; ++example) {
    double square = 1.0;  // of the bias
    for (std::uint64_t i = offsets_[example]; i < offsets_[example + 1]; ++i) {
      square += static_cast<double>(values_[i]) * static_cast<double>(values_[i]);
    }
    diagonal_[example] = square + 1.0 / (2.0 * options.c);
  }
  active_.resize(num_examples);
  std::iota(active_.begin(), active_.end(), 0U);
  SvmShrinking shrinking(seed);
  for (std::uint32_t pass = 0; pass < options.passes_max && !active_.empty(); ++pass) {
    if (Pass(options, &shrinking) > options.tolerance) {
      continue;
    }
    if (active_.size() == num_examples) {
      break;
    }
    // Converged on what is left: look at all examples again.
    active_.resize(num_examples);
    std::iota(active_.begin(), active_.end(), 0U);
    shrinking.Forget();
  }
  return Finish(options);
}

SvmModel LinearSvm::Finish(const SvmOptions& options) {
  SvmModel model;
  double square = bias_ * bias_;
  std::vector<std::uint32_t> order(features_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [this](std::uint32_t a, std::uint32_t b) { return features_[a] < features_[b]; });
  for (const std::uint32_t local : order) {
    if (weights_[local] != 0) {
      model.features.push_back(features_[local]);
      model.weights.push_back(weights_[local]);
      square += static_cast<double>(weights_[local]) * static_cast<double>(weights_[local]);
    }
  }
  model.bias = static_cast<float>(bias_);
  model.dual_objective = -0.5 * square;
  for (const double alpha : alphas_) {
    model.dual_objective += alpha - alpha * alpha / (4.0 * options.c);
  }
  return model;
}

}  // namespace dashi::trainer
