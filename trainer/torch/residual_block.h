#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "dashi/status.h"
#include "trainer/bag_weights.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// Unit rows and what their gradient needs.
struct UnitRows {
  at::Tensor rows;          ///< [n, dim]; zero where the input was
  at::Tensor inverse_norm;  ///< [n, 1]; zero where the input was
};
UnitRows Normalize(const at::Tensor& rows);
/// d loss / d input of Normalize from d loss / d rows.  Shape: gradient [n, dim].
at::Tensor NormalizeGradient(const UnitRows& unit, const at::Tensor& gradient);

/// x -> unit(x + W2 relu(W1 x + b)), with hand-written gradients and AdamW. A zero row of x stays
/// zero. hidden = 0 leaves only the normalisation.
///
/// Threads: one thread at a time.
class ResidualBlock {
 public:
  struct Activations {
    at::Tensor input;   ///< [n, dim]
    at::Tensor hidden;  ///< [n, hidden], after the rectifier
    UnitRows output;    ///< [n, dim]
  };
  struct Gradients {
    at::Tensor input;  ///< [n, dim]
    at::Tensor w1;     ///< [hidden, dim]
    at::Tensor b;      ///< [hidden]
    at::Tensor w2;     ///< [dim, hidden]
  };

  ResidualBlock(std::uint32_t dim, std::uint32_t hidden, std::uint64_t seed, at::Device device);

  Activations Forward(at::Tensor input, bool bfloat16) const;
  Gradients Backward(const Activations& activations, const at::Tensor& gradient,
                     bool bfloat16) const;
  /// One step of AdamW (Loshchilov & Hutter 2019), weight decay on the matrices only.
  void Step(const Gradients& gradients, float rate);
  void ResetOptimizer();

  /// Parameters, moments and the step count, as parts of a name that starts with `prefix`.
  Status Save(StateWriter& to, const std::string& prefix) const;
  Status Load(const StateReader& from, const std::string& prefix);

  void Export(BagWeights* weights) const;
  void Import(const BagWeights& weights);

 private:
  struct Parameter {
    at::Tensor value;
    at::Tensor first_moment;
    at::Tensor second_moment;
    double weight_decay = 0;
  };
  static Status SaveParameter(StateWriter& to, const std::string& name, const Parameter& parameter);
  static Status LoadParameter(const StateReader& from, const std::string& name,
                              Parameter* parameter);
  void StepParameter(const at::Tensor& gradient, float rate, Parameter* parameter) const;

  std::uint32_t hidden_;
  Parameter w1_;  // [hidden, dim]
  Parameter b_;   // [hidden]
  Parameter w2_;  // [dim, hidden]
  std::int64_t num_steps_ = 0;
};

}  // namespace dashi::trainer
