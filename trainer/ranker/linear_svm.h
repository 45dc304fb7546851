#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dashi::trainer {

/// One text of a two-class problem.  Shape: features, values [nonzeros], features distinct.
struct SvmExample {
  std::span<const std::uint32_t> features;
  std::span<const float> values;
  bool positive = false;
};

struct SvmOptions {
  double c = 1.0;                 ///< weight of the losses against the norm
  std::uint32_t passes_max = 20;  ///< over the examples
  double tolerance = 0.1;         ///< of the projected gradient
};

/// score(x) = <w, x> + bias.  Shape: features [nonzeros] ascending, weights [nonzeros].
struct SvmModel {
  std::vector<std::uint32_t> features;
  std::vector<float> weights;
  float bias = 0;
  double dual_objective = 0;  ///< a lower bound of the minimum
};

class SvmShrinking;

/// Solves L2-regularised squared-hinge problems, one after another: minimises
/// (|w|^2 + bias^2) / 2 + c * sum max(0, 1 - y score(x))^2. Keeps its scratch memory between
/// problems.
///
/// Threads: one thread at a time.
/// Cost:    per pass, twice the nonzeros of the examples that are not shrunk away.
/// Paper:   Hsieh et al., A Dual Coordinate Descent Method for Large-scale Linear SVM (ICML 2008),
///          Algorithm 3 (random order and shrinking).
class LinearSvm {
 public:
  explicit LinearSvm(std::uint32_t num_features);

  /// The order of the examples and `seed` decide the bits of the result. Without examples the
  /// model is empty.
  SvmModel Train(std::span<const SvmExample> examples, const SvmOptions& options,
                 std::uint64_t seed);

 private:
  // Copies the examples, with their features numbered from 0 in the order of appearance.
  void Gather(std::span<const SvmExample> examples);
  double Score(std::uint32_t example) const;
  void AddToWeights(std::uint32_t example, double step);
  // One pass over the active examples, in a random order. Returns the width of the range of the
  // projected gradients.
  double Pass(const SvmOptions& options, SvmShrinking* shrinking);
  SvmModel Finish(const SvmOptions& options);

  std::vector<std::uint32_t> local_of_;  // [num_features], kNone between problems
  std::vector<std::uint32_t> features_;  // local -> feature
  std::vector<std::uint64_t> offsets_;   // [examples + 1]
  std::vector<std::uint32_t> columns_;   // local features
  std::vector<float> values_;
  std::vector<float> signs_;           // [examples] 1 or -1
  std::vector<double> diagonal_;       // [examples]
  std::vector<double> alphas_;         // [examples]
  std::vector<std::uint32_t> active_;  // examples not shrunk away
  std::vector<float> weights_;         // [local features]
  double bias_ = 0;
};

}  // namespace dashi::trainer
