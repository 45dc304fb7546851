#include <cfloat>

#include <cuda_runtime.h>

#include "trainer/torch/cuda/block_reduction.cuh"
#include "trainer/torch/cuda/device_loss.h"

namespace dashi::trainer {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarpLanes;
constexpr int kNegativesPerLane = kDeviceNegativesMax / kWarpLanes;
// A row that is longer is kept in its gradient's place, in memory.
constexpr std::size_t kSharedColumnsMax = 10240;
// Below every finite logit, and finite so that differences stay defined.
constexpr float kLowest = -1e30F;
// The score of a column that is no negative, and the logit of a hinge that does not bite.
constexpr float kMaskedScore = -10.0F;
constexpr float kInactiveLogit = -100.0F;
// The key of a column that was taken; no number has it.
constexpr std::uint32_t kTaken = 0;

__device__ float Infinity() { return __int_as_float(0x7F800000); }

// A number's place in the order of numbers; not-a-number stands above all, as in at::topk.
__device__ std::uint32_t OrderKey(float value) {
  if (isnan(value)) {
    return 0xFFFFFFFFU;
  }
  const std::uint32_t bits = __float_as_uint(value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

__device__ float KeyValue(std::uint32_t key) {
  return __uint_as_float((key & 0x80000000U) != 0 ? key & 0x7FFFFFFFU : ~key);
}

// One row's part of a DeviceLoss.
struct Row {
  const float* scores;
  float* gradient;
  std::size_t num_columns;
  const std::uint32_t* positives;
  std::size_t num_positives;
  const std::uint32_t* masked;
  std::size_t num_masked;
};

__device__ Row GetRow(const DeviceLoss& loss) {
  const std::size_t row = blockIdx.x;
  const std::uint64_t first = loss.positives.offsets[row];
  const std::uint64_t first_masked = loss.masked.offsets[row];
  return {loss.scores + row * loss.num_columns,
          loss.gradient + row * loss.num_columns,
          loss.num_columns,
          loss.positives.columns + first,
          loss.positives.offsets[row + 1] - first,
          loss.masked.columns + first_masked,
          loss.masked.offsets[row + 1] - first_masked};
}

__device__ void FillZero(const Row& row) {
  for (std::size_t c = threadIdx.x; c < row.num_columns; c += kThreads) {
    row.gradient[c] = 0;
  }
}

__device__ void WriteResult(const DeviceLoss& loss, float value, bool hit) {
  if (threadIdx.x == 0) {
    loss.row_results[2 * std::size_t{blockIdx.x}] = value;
    loss.row_results[2 * std::size_t{blockIdx.x} + 1] = hit ? 1.0F : 0.0F;
  }
}

// Copies a row's scores, transformed, with `excluded` in the places of no negatives.
template <typename T, typename Transform>
__device__ void CopyNegatives(const Row& row, T excluded, Transform transform, T* buffer) {
  for (std::size_t c = threadIdx.x; c < row.num_columns; c += kThreads) {
    buffer[c] = transform(row.scores[c]);
  }
  __syncthreads();
  for (std::size_t i = threadIdx.x; i < row.num_positives; i += kThreads) {
    buffer[row.positives[i]] = excluded;
  }
  for (std::size_t i = threadIdx.x; i < row.num_masked; i += kThreads) {
    buffer[row.masked[i]] = excluded;
  }
  __syncthreads();
}

// Whether a positive's score is not below the best negative's.  All threads get the answer.
__device__ bool Hit(const Row& row, float best_negative, std::uint32_t* parts) {
  std::uint32_t hit = 0;
  for (std::size_t i = threadIdx.x; i < row.num_positives; i += kThreads) {
    hit |= row.scores[row.positives[i]] >= best_negative ? 1U : 0U;
  }
  return ReduceBlock(hit, Larger(), parts) != 0;
}

// log(1 + exp(x)), as at::softplus has it.
__device__ float Softplus(float x) { return x > 20.0F ? x : log1pf(expf(x)); }
__device__ float Sigmoid(float x) { return 1.0F / (1.0F + expf(-x)); }

__global__ void __launch_bounds__(kThreads) SoftmaxKernel(DeviceLoss loss, bool fits) {
  extern __shared__ float shared_row[];
  __shared__ float parts[kWarps];
  __shared__ std::uint32_t hit_parts[kWarps];
  const Row row = GetRow(loss);
  if (row.num_positives == 0) {
    FillZero(row);
    WriteResult(loss, 0, false);
    return;
  }
  float* buffer = fits ? shared_row : row.gradient;
  CopyNegatives(
      row, -Infinity(), [](float score) { return score; }, buffer);
  float highest = -Infinity();
  for (std::size_t c = threadIdx.x; c < row.num_columns; c += kThreads) {
    highest = fmaxf(highest, buffer[c]);
  }
  highest = ReduceBlock(highest, Larger(), parts);
  const float scale = 1.0F / loss.options.temperature;
  const float shift = fmaxf(highest, kLowest);
  float total = 0;
  for (std::size_t c = threadIdx.x; c < row.num_columns; c += kThreads) {
    const float share = expf((buffer[c] - shift) * scale);
    buffer[c] = share;
    total += share;
  }
  total = ReduceBlock(total, Add(), parts);
  const float log_total = logf(total) + scale * shift;

  // Each positive p against the row's negatives: log(1 + exp(log_total - s_p)).
  const float weight =
      1.0F / static_cast<float>(row.num_positives) / static_cast<float>(loss.num_positive_rows);
  const auto pull_of = [&](float excess) { return Sigmoid(excess) * weight * scale; };
  float value = 0;
  float pull = 0;
  for (std::size_t i = threadIdx.x; i < row.num_positives; i += kThreads) {
    const float excess = log_total - row.scores[row.positives[i]] * scale;
    value += Softplus(excess) * weight;
    pull += pull_of(excess);
  }
  value = ReduceBlock(value, Add(), parts);
  pull = ReduceBlock(pull, Add(), parts);
  const bool hit = Hit(row, highest, hit_parts);
  const float push = pull / fmaxf(total, FLT_MIN);
  for (std::size_t c = threadIdx.x; c < row.num_columns; c += kThreads) {
    row.gradient[c] = buffer[c] * push;
  }
  __syncthreads();
  for (std::size_t i = threadIdx.x; i < row.num_positives; i += kThreads) {
    const std::uint32_t column = row.positives[i];
    row.gradient[column] = -pull_of(log_total - row.scores[column] * scale);
  }
  WriteResult(loss, value, hit);
}

// The hardest negatives of a row, best first, and what becomes of them.
struct Negatives {
  float scores[kDeviceNegativesMax];
  std::uint32_t columns[kDeviceNegativesMax];
  float push[kWarps][kDeviceNegativesMax];  // gradients, of each warp's positives
  std::uint64_t best[2][kWarps];            // work space of the selection
};

// Takes the `count` largest keys of the buffer. Each thread knows the best of its own columns and
// looks again only when that was taken.
__device__ void SelectNegatives(const Row& row, std::uint32_t count, std::uint32_t* buffer,
                                Negatives* negatives) {
  const auto best_own = [&] {
    std::uint64_t best = 0;
    for (std::size_t c = threadIdx.x; c < row.num_columns; c += kThreads) {
      // Among equal keys the lowest column is the largest.
      const std::uint64_t candidate =
          std::uint64_t{buffer[c]} << 32U | (0xFFFFFFFFU - static_cast<std::uint32_t>(c));
      best = candidate > best ? candidate : best;
    }
    return best;
  };
  std::uint64_t own = best_own();
  for (std::uint32_t n = 0; n < count; ++n) {
    const std::uint64_t warp_best = ReduceWarp(own, Larger());
    std::uint64_t(&parts)[kWarps] = negatives->best[n % 2];
    if (threadIdx.x % kWarpLanes == 0) {
      parts[threadIdx.x / kWarpLanes] = warp_best;
    }
    __syncthreads();
    std::uint64_t best = parts[0];
    for (unsigned warp = 1; warp < kWarps; ++warp) {
      best = parts[warp] > best ? parts[warp] : best;
    }
    if (own == best) {  // this thread's column: columns make all candidates distinct
      const std::uint32_t column = 0xFFFFFFFFU - static_cast<std::uint32_t>(best);
      negatives->scores[n] = KeyValue(static_cast<std::uint32_t>(best >> 32U));
      negatives->columns[n] = column;
      buffer[column] = kTaken;
      own = best_own();
    }
  }
  __syncthreads();
}

// Positions of the row's lowest positives, lowest first; equal scores by position.
__device__ std::uint32_t SelectPositives(const Row& row, std::uint32_t count, std::uint64_t* parts,
                                         std::uint32_t* chosen) {
  count = row.num_positives < count ? static_cast<std::uint32_t>(row.num_positives) : count;
  std::uint64_t last = 0;
  for (std::uint32_t n = 0; n < count; ++n) {
    std::uint64_t lowest = ~std::uint64_t{0};
    for (std::size_t i = threadIdx.x; i < row.num_positives; i += kThreads) {
      const std::uint64_t candidate =
          std::uint64_t{OrderKey(row.scores[row.positives[i]])} << 32U | (i + 1);
      if (candidate > last && candidate < lowest) {
        lowest = candidate;
      }
    }
    last = ReduceBlock(lowest, Smaller(), parts);
    if (threadIdx.x == 0) {
      chosen[n] = static_cast<std::uint32_t>(last) - 1;
    }
  }
  __syncthreads();
  return count;
}

// What one positive adds: its loss, and its gradient with the sign of the negatives'.
struct PositiveTerm {
  float loss;
  float pull;
};

// One warp: the positive's hinges against all negatives, weighted by the softmax of the negatives'
// scores (kTriplet) or of the hinges themselves (kTripletHardest).
template <bool kHardest>
__device__ PositiveTerm AddPositive(const LossOptions& options, float positive, float share,
                                    std::uint32_t count, Negatives* negatives) {
  const unsigned lane = threadIdx.x % kWarpLanes;
  float(&push)[kDeviceNegativesMax] = negatives->push[threadIdx.x / kWarpLanes];
  const float scale = kHardest ? 1.0F : 1.0F / options.temperature;
  float hinge[kNegativesPerLane] = {};
  float active[kNegativesPerLane] = {};
  float weight[kNegativesPerLane] = {};
  float highest = -Infinity();
#pragma unroll
  for (int j = 0; j < kNegativesPerLane; ++j) {
    const unsigned n = lane + static_cast<unsigned>(j) * kWarpLanes;
    if (n < count) {
      const float negative = negatives->scores[n];
      hinge[j] = negative - positive + options.margin;
      active[j] = hinge[j] > 0 ? 1.0F : 0.0F;
      hinge[j] *= active[j];  // not a number stays so
      weight[j] =
          kHardest ? (hinge[j] > 0 ? hinge[j] : kInactiveLogit) : negative * active[j] * scale;
      highest = fmaxf(highest, weight[j]);
    }
  }
  highest = ReduceWarp(highest, Larger());
  float total = 0;
#pragma unroll
  for (int j = 0; j < kNegativesPerLane; ++j) {
    const bool inside = lane + static_cast<unsigned>(j) * kWarpLanes < count;
    weight[j] = inside ? expf(weight[j] - highest) : 0.0F;
    total += weight[j];
  }
  total = ReduceWarp(total, Add());
  float mean = 0;
#pragma unroll
  for (int j = 0; j < kNegativesPerLane; ++j) {
    weight[j] /= total;
    mean += hinge[j] * weight[j];
  }
  mean = ReduceWarp(mean, Add());
  float pull = 0;
#pragma unroll
  for (int j = 0; j < kNegativesPerLane; ++j) {
    const unsigned n = lane + static_cast<unsigned>(j) * kWarpLanes;
    if (n < count) {
      const float base = weight[j] * active[j] * share;
      const float slope = base + (hinge[j] - mean) * base * scale;
      push[n] += slope;
      pull += kHardest ? slope : base;
    }
  }
  return {mean * share, ReduceWarp(pull, Add())};
}

template <bool kHardest>
__global__ void __launch_bounds__(kThreads) TripletKernel(DeviceLoss loss, bool fits) {
  extern __shared__ std::uint32_t shared_keys[];
  __shared__ Negatives negatives;
  __shared__ std::uint32_t chosen[kDevicePositivesMax];
  __shared__ std::uint64_t wide_parts[kWarps];
  __shared__ std::uint32_t hit_parts[kWarps];
  __shared__ float loss_parts[kWarps];
  const Row row = GetRow(loss);
  if (row.num_positives == 0) {
    FillZero(row);
    WriteResult(loss, 0, false);
    return;
  }
  const unsigned warp = threadIdx.x / kWarpLanes;
  const LossOptions& options = loss.options;
  const std::uint32_t count =
      row.num_columns < options.num_negatives ? row.num_columns : options.num_negatives;
  for (unsigned i = threadIdx.x; i < kWarps * kDeviceNegativesMax; i += kThreads) {
    negatives.push[i / kDeviceNegativesMax][i % kDeviceNegativesMax] = 0;
  }
  std::uint32_t* buffer = fits ? shared_keys : reinterpret_cast<std::uint32_t*>(row.gradient);
  CopyNegatives(row, OrderKey(kMaskedScore), OrderKey, buffer);
  SelectNegatives(row, count, buffer, &negatives);
  const bool hit = Hit(row, negatives.scores[0], hit_parts);
  const std::size_t num_chosen =
      kHardest ? SelectPositives(row, options.num_positives, wide_parts, chosen)
               : row.num_positives;
  FillZero(row);
  __syncthreads();

  const float share =
      kHardest ? 1.0F / static_cast<float>(loss.num_positive_rows * options.num_positives * count)
               : 1.0F / static_cast<float>(loss.num_positives * count);
  float value = 0;
  for (std::size_t i = warp; i < num_chosen; i += kWarps) {
    const std::uint32_t column = row.positives[kHardest ? chosen[i] : i];
    const PositiveTerm term =
        AddPositive<kHardest>(options, row.scores[column], share, count, &negatives);
    value += term.loss;
    if (threadIdx.x % kWarpLanes == 0) {
      row.gradient[column] = -term.pull;
    }
  }
  // All lanes of a warp hold its sum; one of them counts.
  value = ReduceBlock(threadIdx.x % kWarpLanes == 0 ? value : 0.0F, Add(), loss_parts);
  // A column that was masked, a positive's too, may be among the negatives that were taken.
  for (std::uint32_t n = threadIdx.x; n < count; n += kThreads) {
    float push = 0;
    for (unsigned part = 0; part < kWarps; ++part) {
      push += negatives.push[part][n];
    }
    row.gradient[negatives.columns[n]] += push;
  }
  WriteResult(loss, value, hit);
}

__global__ void __launch_bounds__(kThreads) SummaryKernel(DeviceLoss loss) {
  __shared__ double parts[kWarps];
  double value = 0;
  double hits = 0;
  for (std::size_t row = threadIdx.x; row < loss.num_rows; row += kThreads) {
    value += loss.row_results[2 * row];
    hits += loss.row_results[2 * row + 1];
  }
  value = ReduceBlock(value, Add(), parts);
  hits = ReduceBlock(hits, Add(), parts);
  if (threadIdx.x == 0) {
    loss.summary[0] = static_cast<float>(value);
    loss.summary[1] = static_cast<float>(
        loss.num_positive_rows == 0 ? 0.0 : hits / static_cast<double>(loss.num_positive_rows));
  }
}

}  // namespace

cudaError_t DeviceContrastiveLoss(const DeviceLoss& loss, cudaStream_t stream) {
  if (loss.num_rows > 0 && loss.num_columns > 0) {
    const bool fits = loss.num_columns <= kSharedColumnsMax;
    const std::size_t bytes = fits ? loss.num_columns * sizeof(float) : 0;
    const auto blocks = static_cast<unsigned>(loss.num_rows);
    const LossKind kind = loss.options.kind;
    if (kind == LossKind::kSoftmax) {
      SoftmaxKernel<<<blocks, kThreads, bytes, stream>>>(loss, fits);
    } else if (loss.options.num_negatives > kDeviceNegativesMax ||
               loss.options.num_negatives == 0 ||
               loss.options.num_positives > kDevicePositivesMax) {
      return cudaErrorInvalidValue;
    } else if (kind == LossKind::kTriplet) {
      TripletKernel<false><<<blocks, kThreads, bytes, stream>>>(loss, fits);
    } else {
      TripletKernel<true><<<blocks, kThreads, bytes, stream>>>(loss, fits);
    }
    const cudaError_t error = cudaGetLastError();
    if (error != cudaSuccess) {
      return error;
    }
  }
  SummaryKernel<<<1, kThreads, 0, stream>>>(loss);
  return cudaGetLastError();
}

}  // namespace dashi::trainer
