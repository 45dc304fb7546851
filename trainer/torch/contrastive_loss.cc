#include "trainer/torch/contrastive_loss.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/status.h"

namespace dashi::trainer {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Below every finite logit, and finite so that differences stay defined.
constexpr float kLowest = -1e30F;
// Stands for a positive where a row has too few, and for a score that is no negative: as published.
constexpr float kPaddedPositive = 100.0F;
constexpr float kMaskedScore = -10.0F;

at::Tensor ToDevice(const std::vector<std::int64_t>& values, at::Device device) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<std::int64_t>());
  return tensor.to(device);
}

at::Tensor ToDevice(const std::vector<float>& values, at::Device device) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<float>());
  return tensor.to(device);
}

// Positions of sparse entries in the flattened score matrix.
void AppendFlat(const SparseRows& entries, std::int64_t num_columns,
                std::vector<std::int64_t>* flat) {
  for (std::size_t row = 0; row < entries.num_rows(); ++row) {
    for (std::uint64_t i = entries.offsets[row]; i < entries.offsets[row + 1]; ++i) {
      flat->push_back(static_cast<std::int64_t>(row) * num_columns + entries.columns[i]);
    }
  }
}

// The positives of a batch as flat lists.
struct Positives {
  at::Tensor flat;            // [num_positives] positions in the flattened scores
  at::Tensor row;             // [num_positives]
  at::Tensor weight;          // [num_positives]: 1 / (positives of the row * rows with positives)
  at::Tensor excluded;        // [num_positives + num_masked]: flat positions that are no negatives
  std::int64_t num_rows = 0;  // with at least one positive
};

Positives Flatten(const SparseRows& positives, const SparseRows& masked, std::int64_t num_columns,
                  at::Device device) {
  Positives result;
  std::vector<std::int64_t> flat;
  AppendFlat(positives, num_columns, &flat);
  result.flat = ToDevice(flat, device);
  AppendFlat(masked, num_columns, &flat);
  result.excluded = ToDevice(flat, device);
  std::vector<std::int64_t> row;
  std::vector<float> weight;
  for (std::size_t r = 0; r < positives.num_rows(); ++r) {
    const std::uint64_t count = positives.offsets[r + 1] - positives.offsets[r];
    row.insert(row.end(), count, static_cast<std::int64_t>(r));
    weight.insert(weight.end(), count, count == 0 ? 0.0F : 1.0F / static_cast<float>(count));
    result.num_rows += count > 0 ? 1 : 0;
  }
  result.row = ToDevice(row, device);
  result.weight = ToDevice(weight, device).div_(static_cast<double>(result.num_rows));
  return result;
}

// Share of rows with positives whose best positive is not below the best negative.  Shape: scalar.
at::Tensor Top1(const Positives& positives, const at::Tensor& positive_scores,
                const at::Tensor& negative_max) {
  const at::Tensor hit =
      positive_scores.ge(negative_max.index_select(0, positives.row)).to(at::kFloat);
  const at::Tensor rows =
      at::zeros_like(negative_max).index_add_(0, positives.row, hit);  // [num_rows]
  return rows.gt(0).sum().to(at::kFloat).div_(static_cast<double>(positives.num_rows));
}

LossGradient Softmax(const LossOptions& options, at::Tensor scores, const Positives& positives) {
  LossGradient result;
  at::Tensor flat = scores.view(-1);
  const float scale = 1.0F / options.temperature;
  at::Tensor positive = flat.index_select(0, positives.flat);  // [num_positives]
  flat.index_fill_(0, positives.excluded, -kInfinity);
  const at::Tensor highest = scores.amax(1);  // [num_rows]
  const at::Tensor top1 = Top1(positives, positive, highest);

  const at::Tensor shift = highest.clamp_min(kLowest);  // [num_rows]
  scores.sub_(shift.unsqueeze(1)).mul_(scale).exp_();   // [num_rows, num_columns]
  const at::Tensor total = scores.sum(1);               // [num_rows]
  const at::Tensor log_total = total.log().add_(shift, scale);

  // Each positive p against its row's negatives: log(1 + exp(log_total - s_p)).
  const at::Tensor excess = log_total.index_select(0, positives.row) - positive.mul_(scale);
  result.summary = at::stack({at::softplus(excess).mul_(positives.weight).sum(), top1});
  const at::Tensor pull = excess.sigmoid().mul_(positives.weight).mul_(scale);  // [num_positives]
  at::Tensor push = at::zeros_like(total).index_add_(0, positives.row, pull);   // [num_rows]
  push.div_(total.clamp_min(std::numeric_limits<float>::min()));
  scores.mul_(push.unsqueeze(1));
  flat.index_copy_(0, positives.flat, pull.neg());
  result.gradient = scores;
  return result;
}

// Positives as a padded rectangle. Padding points at flat position 0 and is marked.
struct PaddedPositives {
  at::Tensor flat;   // [num_rows, width]
  at::Tensor valid;  // [num_rows, width] float: 1 or 0
};

PaddedPositives Pad(const SparseRows& positives, std::int64_t num_columns, std::int64_t width_min,
                    at::Device device) {
  const auto num_rows = static_cast<std::int64_t>(positives.num_rows());
  std::int64_t width = width_min;
  for (std::int64_t row = 0; row < num_rows; ++row) {
    width = std::max(
        width, static_cast<std::int64_t>(positives.offsets[row + 1] - positives.offsets[row]));
  }
  std::vector<std::int64_t> flat(num_rows * width, 0);
  std::vector<float> valid(num_rows * width, 0.0F);
  for (std::int64_t row = 0; row < num_rows; ++row) {
    std::int64_t at = row * width;
    for (std::uint64_t i = positives.offsets[row]; i < positives.offsets[row + 1]; ++i, ++at) {
      flat[at] = row * num_columns + positives.columns[i];
      valid[at] = 1.0F;
    }
  }
  return {ToDevice(flat, device).view({num_rows, width}),
          ToDevice(valid, device).view({num_rows, width})};
}

// Adds d loss / d score of the chosen positives and negatives to a zero matrix.
at::Tensor Scatter(const at::Tensor& like, const at::Tensor& positive_flat,
                   const at::Tensor& positive_gradient, const at::Tensor& negative_column,
                   const at::Tensor& negative_gradient) {
  at::Tensor gradient = at::zeros_like(like);  // [num_rows, num_columns]
  gradient.scatter_add_(1, negative_column, negative_gradient);
  gradient.view(-1).index_add_(0, positive_flat.reshape(-1), positive_gradient.reshape(-1));
  return gradient;
}

LossGradient Triplet(const LossOptions& options, at::Tensor scores, const SparseRows& rows,
                     const Positives& positives) {
  LossGradient result;
  const std::int64_t num_negatives = std::min<std::int64_t>(options.num_negatives, scores.size(1));
  const PaddedPositives padded = Pad(rows, scores.size(1), 1, scores.device());
  const at::Tensor all_positive = scores.view(-1).index_select(0, positives.flat);
  at::Tensor positive = scores.view(-1).index_select(0, padded.flat.view(-1)).view_as(padded.flat);
  scores.view(-1).index_fill_(0, positives.excluded, kMaskedScore);
  const auto [negative, column] = at::topk(scores, num_negatives, 1);  // [num_rows, num_negatives]
  const at::Tensor top1 = Top1(positives, all_positive, negative.amax(1));

  at::Tensor hinge = negative.unsqueeze(1) - positive.unsqueeze(2) + options.margin;
  const at::Tensor active =
      hinge.gt(0).to(at::kFloat).mul_(padded.valid.unsqueeze(2));  // [rows, positives, negatives]
  hinge.mul_(active);
  const float scale = 1.0F / options.temperature;
  const at::Tensor weight = at::softmax(negative.unsqueeze(1) * active * scale, 2);
  const float share = 1.0F / static_cast<float>(positives.flat.size(0) * num_negatives);
  const at::Tensor weighted = hinge * weight;  // [rows, positives, negatives]
  result.summary = at::stack({weighted.sum().mul_(share), top1});
  const at::Tensor mean = weighted.sum(2, /*keepdim=*/true);
  const at::Tensor pull = weight * active * share;
  const at::Tensor push = pull + (hinge - mean) * pull * scale;
  result.gradient = Scatter(scores, padded.flat, pull.sum(2).neg(), column, push.sum(1));
  return result;
}

LossGradient TripletHardest(const LossOptions& options, at::Tensor scores, const SparseRows& rows,
                            const Positives& positives) {
  LossGradient result;
  const std::int64_t num_negatives = std::min<std::int64_t>(options.num_negatives, scores.size(1));
  const std::int64_t num_positives = options.num_positives;
  const PaddedPositives padded = Pad(rows, scores.size(1), num_positives, scores.device());
  const at::Tensor all_positive = scores.view(-1).index_select(0, positives.flat);
  at::Tensor candidates =
      scores.view(-1).index_select(0, padded.flat.view(-1)).view_as(padded.flat);
  candidates = at::where(padded.valid.gt(0), candidates,
                         at::full({}, kPaddedPositive, candidates.options()));
  const auto [positive, chosen] =
      at::topk(candidates, num_positives, 1, /*largest=*/false);  // [num_rows, num_positives]
  scores.view(-1).index_fill_(0, positives.excluded, kMaskedScore);
  const auto [negative, column] = at::topk(scores, num_negatives, 1);  // [num_rows, num_negatives]
  const at::Tensor top1 = Top1(positives, all_positive, negative.amax(1));

  const at::Tensor hinge = (negative.unsqueeze(1) - positive.unsqueeze(2) + options.margin)
                               .clamp_min_(0);  // [rows, positives, negatives]
  const at::Tensor active = hinge.gt(0).to(at::kFloat);
  const at::Tensor weight = at::softmax(
      at::where(hinge.gt(0), hinge, at::full({}, -kPaddedPositive, hinge.options())), 2);
  const float share = 1.0F / static_cast<float>(positives.num_rows * num_positives * num_negatives);
  const at::Tensor weighted = hinge * weight;  // [rows, positives, negatives]
  result.summary = at::stack({weighted.sum().mul_(share), top1});
  const at::Tensor mean = weighted.sum(2, /*keepdim=*/true);
  const at::Tensor slope = (hinge - mean + 1.0F) * weight * active * share;
  result.gradient =
      Scatter(scores, padded.flat.gather(1, chosen), slope.sum(2).neg(), column, slope.sum(1));
  return result;
}

}  // namespace

std::uint64_t NumPositiveRows(const SparseRows& positives) {
  std::uint64_t num_rows = 0;
  for (std::size_t row = 0; row < positives.num_rows(); ++row) {
    num_rows += positives.offsets[row] < positives.offsets[row + 1] ? 1 : 0;
  }
  return num_rows;
}

LossGradient ContrastiveLoss(const LossOptions& options, at::Tensor scores,
                             const SparseRows& positives, const SparseRows& masked) {
  if (scores.numel() == 0 || positives.columns.empty()) {
    LossGradient result;
    result.summary = at::zeros({2}, scores.options());
    result.gradient = scores.zero_();
    return result;
  }
  const Positives flat = Flatten(positives, masked, scores.size(1), scores.device());
  switch (options.kind) {
    case LossKind::kTriplet:
      return Triplet(options, scores, positives, flat);
    case LossKind::kTripletHardest:
      return TripletHardest(options, scores, positives, flat);
    case LossKind::kSoftmax:
      return Softmax(options, scores, flat);
    case LossKind::kBinary:
      break;
  }
  DASHI_CHECK(false);  // Callers refuse it: it is no loss over a sample of columns.
}

}  // namespace dashi::trainer
