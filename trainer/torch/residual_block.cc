#include "trainer/torch/residual_block.h"

#include <cmath>
#include <utility>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/status.h"

#ifdef DASHI_CUDA
#include "trainer/torch/device_block.h"
#endif
#include "trainer/torch/matrix_factor.h"
#include "trainer/torch/tensor_state.h"

namespace dashi::trainer {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr double kWeightDecay = 0.01;

// A text without tokens has no embedding, whatever the bias makes of it.
UnitRows NormalizeKnown(at::Tensor sum, const at::Tensor& input) {
#ifdef DASHI_CUDA
  if (sum.is_cuda()) {
    return NormalizeOnDevice(sum, input);
  }
#endif
  const at::Tensor known = input.abs().amax(1, /*keepdim=*/true).gt(0);  // [n, 1]
  return Normalize(sum.mul_(known));
}

void CopyOut(const at::Tensor& tensor, std::vector<float>* out) {
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  const auto* data = host.const_data_ptr<float>();
  out->assign(data, data + host.numel());
}

void CopyIn(const std::vector<float>& values, at::Tensor* tensor) {
  const at::Tensor host =
      at::from_blob(const_cast<float*>(values.data()), tensor->sizes(), at::kFloat);
  tensor->copy_(host);
}

}  // namespace

UnitRows Normalize(const at::Tensor& rows) {
#ifdef DASHI_CUDA
  if (rows.is_cuda()) {
    return NormalizeOnDevice(rows, at::Tensor());
  }
#endif
  const at::Tensor squares = (rows * rows).sum(1, /*keepdim=*/true);  // [n, 1]
  at::Tensor inverse = squares.clamp_min(1e-30).rsqrt_();
  inverse.mul_(squares.gt(1e-30));
  return {rows * inverse, inverse};
}

at::Tensor NormalizeGradient(const UnitRows& unit, const at::Tensor& gradient) {
#ifdef DASHI_CUDA
  if (gradient.is_cuda()) {
    return NormalizeGradientOnDevice(unit, gradient);
  }
#endif
  const at::Tensor along = (gradient * unit.rows).sum(1, /*keepdim=*/true);  // [n, 1]
  return (gradient - unit.rows * along).mul_(unit.inverse_norm);
}

ResidualBlock::ResidualBlock(std::uint32_t dim, std::uint32_t hidden, std::uint64_t seed,
                             at::Device device)
    : hidden_(hidden) {
  const at::Generator generator = at::detail::createCPUGenerator(seed);
  const double bound = 1.0 / std::sqrt(static_cast<double>(dim));
  w1_.value = at::empty({hidden, dim}, at::kFloat).uniform_(-bound, bound, generator).to(device);
  b_.value = at::empty({hidden}, at::kFloat).uniform_(-bound, bound, generator).to(device);
  w2_.value = at::zeros({dim, hidden}, at::kFloat).to(device);
  w1_.weight_decay = kWeightDecay;
  w2_.weight_decay = kWeightDecay;
}

ResidualBlock::Activations ResidualBlock::Forward(at::Tensor input, bool bfloat16) const {
  Activations result;
  if (hidden_ == 0) {
    result.output = Normalize(input);
    result.input = std::move(input);
    return result;
  }
  const MatrixFactor w1(w1_.value, bfloat16);
  const MatrixFactor w2(w2_.value, bfloat16);
  result.hidden =
      Product({input, bfloat16}, w1.Transposed()).add_(b_.value).relu_();  // [n, hidden]
  at::Tensor sum = Product({result.hidden, bfloat16}, w2.Transposed()).add_(input);
  result.output = NormalizeKnown(std::move(sum), input);  // [n, dim]
  result.input = std::move(input);
  return result;
}

ResidualBlock::Gradients ResidualBlock::Backward(const Activations& activations,
                                                 const at::Tensor& gradient, bool bfloat16) const {
  Gradients result;
  at::Tensor sum = NormalizeGradient(activations.output, gradient);  // [n, dim]
  if (hidden_ == 0) {
    result.input = std::move(sum);
    return result;
  }
  const MatrixFactor sum_factor(sum, bfloat16);
  result.w2 = Product(sum_factor.Transposed(), {activations.hidden, bfloat16});  // [dim, hidden]
  at::Tensor hidden = Product(sum_factor, {w2_.value, bfloat16});                // [n, hidden]
  hidden.mul_(activations.hidden.gt(0));
  const MatrixFactor hidden_factor(hidden, bfloat16);
  result.w1 = Product(hidden_factor.Transposed(), {activations.input, bfloat16});  // [hidden, dim]
  result.b = hidden.sum(0);                                                        // [hidden]
  result.input = sum.add_(Product(hidden_factor, {w1_.value, bfloat16}));          // [n, dim]
  return result;
}

void ResidualBlock::Step(const Gradients& gradients, float rate) {
  if (hidden_ == 0) {
    return;
  }
  ++num_steps_;
  StepParameter(gradients.w1, rate, &w1_);
  StepParameter(gradients.b, rate, &b_);
  StepParameter(gradients.w2, rate, &w2_);
}

void ResidualBlock::StepParameter(const at::Tensor& gradient, float rate,
                                  Parameter* parameter) const {
  if (!parameter->first_moment.defined()) {
    parameter->first_moment = at::zeros_like(parameter->value);
    parameter->second_moment = at::zeros_like(parameter->value);
  }
  const auto steps = static_cast<double>(num_steps_);
  const double correction1 = 1.0 / (1.0 - std::pow(kBeta1, steps));
  const double correction2 = 1.0 / (1.0 - std::pow(kBeta2, steps));
#ifdef DASHI_CUDA
  if (gradient.is_cuda()) {
    const AdamRates rates{rate,
                          static_cast<float>(kBeta1),
                          static_cast<float>(kBeta2),
                          static_cast<float>(kEpsilon),
                          static_cast<float>(correction1),
                          static_cast<float>(correction2)};
    StepDenseOnDevice(rates, static_cast<float>(1.0 - rate * parameter->weight_decay), gradient,
                      &parameter->value, &parameter->first_moment, &parameter->second_moment);
    return;
  }
#endif
  parameter->value.mul_(1.0 - rate * parameter->weight_decay);
  parameter->first_moment.mul_(kBeta1).add_(gradient, 1.0 - kBeta1);
  parameter->second_moment.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
  const at::Tensor root = (parameter->second_moment * correction2).sqrt_().add_(kEpsilon);
  parameter->value.addcdiv_(parameter->first_moment, root, -rate * correction1);
}

void ResidualBlock::ResetOptimizer() {
  for (Parameter* parameter : {&w1_, &b_, &w2_}) {
    parameter->first_moment.reset();
    parameter->second_moment.reset();
  }
  num_steps_ = 0;
}

Status ResidualBlock::SaveParameter(StateWriter& to, const std::string& name,
                                    const Parameter& parameter) {
  DASHI_RETURN_IF_ERROR(SaveTensor(to, name, parameter.value));
  DASHI_RETURN_IF_ERROR(SaveTensor(to, name + ".first_moment", parameter.first_moment));
  return SaveTensor(to, name + ".second_moment", parameter.second_moment);
}

Status ResidualBlock::LoadParameter(const StateReader& from, const std::string& name,
                                    Parameter* parameter) {
  const at::Tensor like = parameter->value;
  DASHI_RETURN_IF_ERROR(LoadTensor(from, name, like, &parameter->value));
  if (!parameter->value.defined()) {
    return Status::Corruption("a checkpoint has no " + name);
  }
  DASHI_RETURN_IF_ERROR(LoadTensor(from, name + ".first_moment", like, &parameter->first_moment));
  return LoadTensor(from, name + ".second_moment", like, &parameter->second_moment);
}

Status ResidualBlock::Save(StateWriter& to, const std::string& prefix) const {
  DASHI_RETURN_IF_ERROR(SaveParameter(to, prefix + "/w1", w1_));
  DASHI_RETURN_IF_ERROR(SaveParameter(to, prefix + "/b", b_));
  DASHI_RETURN_IF_ERROR(SaveParameter(to, prefix + "/w2", w2_));
  return SaveCounter(to, prefix + "/steps", num_steps_);
}

Status ResidualBlock::Load(const StateReader& from, const std::string& prefix) {
  DASHI_RETURN_IF_ERROR(LoadParameter(from, prefix + "/w1", &w1_));
  DASHI_RETURN_IF_ERROR(LoadParameter(from, prefix + "/b", &b_));
  DASHI_RETURN_IF_ERROR(LoadParameter(from, prefix + "/w2", &w2_));
  return LoadCounter(from, prefix + "/steps", &num_steps_);
}

void ResidualBlock::Export(BagWeights* weights) const {
  weights->hidden = hidden_;
  CopyOut(w1_.value, &weights->w1);
  CopyOut(b_.value, &weights->b);
  CopyOut(w2_.value, &weights->w2);
}

void ResidualBlock::Import(const BagWeights& weights) {
  CopyIn(weights.w1, &w1_.value);
  CopyIn(weights.b, &b_.value);
  CopyIn(weights.w2, &w2_.value);
}

}  // namespace dashi::trainer
