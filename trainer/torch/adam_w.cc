#include "trainer/torch/adam_w.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include "base/status.h"
#include "trainer/torch/tensor_state.h"

namespace dashi::trainer {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-6;

}  // namespace

void AdamW::Reset() {
  first_moments_.clear();
  second_moments_.clear();
  num_steps_ = 0;
}

Status AdamW::Save(StateWriter& to, const std::string& prefix) const {
  DASHI_RETURN_IF_ERROR(SaveCounter(to, prefix + "/steps", num_steps_));
  for (std::size_t i = 0; i < first_moments_.size(); ++i) {
    DASHI_RETURN_IF_ERROR(
        SaveTensor(to, fmt::format("{}/first_moment.{}", prefix, i), first_moments_[i]));
    DASHI_RETURN_IF_ERROR(
        SaveTensor(to, fmt::format("{}/second_moment.{}", prefix, i), second_moments_[i]));
  }
  return Status();
}

Status AdamW::Load(const StateReader& from, const std::string& prefix,
                   const std::vector<at::Tensor>& parameters) {
  Reset();
  DASHI_RETURN_IF_ERROR(LoadCounter(from, prefix + "/steps", &num_steps_));
  for (std::size_t i = 0; num_steps_ > 0 && i < parameters.size(); ++i) {
    const at::Tensor like = parameters[i].detach();
    DASHI_RETURN_IF_ERROR(LoadTensor(from, fmt::format("{}/first_moment.{}", prefix, i), like,
                                     &first_moments_.emplace_back()));
    DASHI_RETURN_IF_ERROR(LoadTensor(from, fmt::format("{}/second_moment.{}", prefix, i), like,
                                     &second_moments_.emplace_back()));
    if (!first_moments_.back().defined() || !second_moments_.back().defined()) {
      return Status::Corruption(fmt::format("a checkpoint has no {}/moments.{}", prefix, i));
    }
  }
  return Status();
}

void AdamW::Step(const std::vector<at::Tensor>& parameters,
                 const std::vector<at::Tensor>& gradients, float rate, ThreadPool& pool) {
  if (first_moments_.empty()) {
    for (const at::Tensor& parameter : parameters) {
      first_moments_.push_back(at::zeros_like(parameter.detach()));
      second_moments_.push_back(at::zeros_like(parameter.detach()));
    }
  }
  ++num_steps_;
  if (!parameters.empty() && !parameters.front().is_cpu()) {
    StepOnDevice(parameters, gradients, rate);
    return;
  }
  const double correction1 = 1.0 - std::pow(kBeta1, static_cast<double>(num_steps_));
  const double correction2 = 1.0 - std::pow(kBeta2, static_cast<double>(num_steps_));
  const double step = static_cast<double>(rate);
  pool.ParallelFor(parameters.size(), 1, [&](std::size_t begin, std::size_t end) {
    at::set_num_threads(1);
    const at::NoGradGuard no_gradient;
    for (std::size_t i = begin; i < end; ++i) {
      at::Tensor parameter = parameters[i].detach();
      at::Tensor& first = first_moments_[i];
      at::Tensor& second = second_moments_[i];
      first.mul_(kBeta1).add_(gradients[i], 1.0 - kBeta1);
      second.mul_(kBeta2).addcmul_(gradients[i], gradients[i], 1.0 - kBeta2);
      if (parameter.dim() == 2) {
        parameter.mul_(1.0 - step * static_cast<double>(weight_decay_));
      }
      const at::Tensor scale = second.sqrt().div_(std::sqrt(correction2)).add_(kEpsilon);
      parameter.addcdiv_(first, scale, -step / correction1);
    }
  });
}

void AdamW::StepOnDevice(const std::vector<at::Tensor>& parameters,
                         const std::vector<at::Tensor>& gradients, float rate) {
  const at::NoGradGuard no_gradient;
  const at::Tensor num_steps = at::full({}, static_cast<double>(num_steps_),
                                        parameters.front().options().requires_grad(false));
  for (const bool decays : {true, false}) {
    std::vector<at::Tensor> values;
    std::vector<at::Tensor> slopes;
    std::vector<at::Tensor> first;
    std::vector<at::Tensor> second;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if ((parameters[i].dim() == 2) == decays) {
        values.push_back(parameters[i].detach());
        slopes.push_back(gradients[i]);
        first.push_back(first_moments_[i]);
        second.push_back(second_moments_[i]);
      }
    }
    if (!values.empty()) {
      at::_fused_adamw_(values, slopes, first, second, /*max_exp_avg_sqs=*/{},
                        std::vector<at::Tensor>(values.size(), num_steps),
                        static_cast<double>(rate), kBeta1, kBeta2,
                        decays ? static_cast<double>(weight_decay_) : 0.0, kEpsilon,
                        /*amsgrad=*/false, /*maximize=*/false);
    }
  }
}

}  // namespace dashi::trainer
