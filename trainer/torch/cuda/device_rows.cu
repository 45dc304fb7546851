#include <cuda_runtime.h>

#include "trainer/torch/cuda/device_rows.h"

namespace dashi::trainer {
namespace {

constexpr unsigned kLanes = 32;
constexpr unsigned kWarps = 8;  // of a block
constexpr int kUnroll = 8;      // rows whose loads are under way at once
// Longer lists are summed by all warps of a block together: a token that is in every text would
// otherwise keep one warp busy after all others are done.
constexpr std::size_t kLongList = 64;
// Blocks side by side in the second dimension of a grid.
constexpr std::size_t kGridHeightMax = 65535;

// kWidth neighbouring floats of a row are one thread's: 4 when rows are aligned to 16 bytes,
// else 1.
template <int kWidth>
__device__ void Load(const float* from, float (&values)[kWidth]) {
  if constexpr (kWidth == 4) {
    const float4 loaded = *reinterpret_cast<const float4*>(from);
    values[0] = loaded.x;
    values[1] = loaded.y;
    values[2] = loaded.z;
    values[3] = loaded.w;
  } else {
    values[0] = *from;
  }
}

template <int kWidth>
__device__ void Store(const float (&values)[kWidth], float* to) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<float4*>(to) = make_float4(values[0], values[1], values[2], values[3]);
  } else {
    *to = values[0];
  }
}

// sum += weights * table[ids] over first, first + stride, ... below last, in this order.
template <int kWidth, typename Offset>
__device__ void AddEntries(const DeviceLists<Offset>& lists, const float* table, std::size_t dim,
                           std::size_t column, std::size_t first, std::size_t last,
                           std::size_t stride, float (&sum)[kWidth]) {
  const auto weight = [&](std::size_t i) {
    return lists.weights == nullptr ? 1.0F : lists.weights[i];
  };
  std::size_t i = first;
  for (; i + (kUnroll - 1) * stride < last; i += kUnroll * stride) {
    float rows[kUnroll][kWidth];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      Load(table + lists.ids[i + u * stride] * dim + column, rows[u]);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const float scale = weight(i + u * stride);
#pragma unroll
      for (int w = 0; w < kWidth; ++w) {
        sum[w] = fmaf(scale, rows[u][w], sum[w]);
      }
    }
  }
  for (; i < last; i += stride) {
    float row[kWidth];
    Load(table + lists.ids[i] * dim + column, row);
    const float scale = weight(i);
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      sum[w] = fmaf(scale, row[w], sum[w]);
    }
  }
}

// What is done with the sum of a list.
struct StoreSum {
  DeviceSumOptions options;
  float* out;
  std::size_t dim;

  template <int kWidth>
  __device__ void operator()(std::size_t list, std::size_t column,
                             const float (&sum)[kWidth]) const {
    float* to = out + list * dim + column;
    float values[kWidth] = {};
    if (options.accumulate) {
      Load(to, values);
    }
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      values[w] = fmaf(options.scale, sum[w], values[w]);
    }
    Store(values, to);
  }
};

struct StepRow {
  AdamRates rates;
  DeviceParameters parameters;
  const std::uint32_t* rows;

  template <int kWidth>
  __device__ void operator()(std::size_t list, std::size_t column,
                             const float (&gradient)[kWidth]) const {
    const std::size_t at = rows[list] * parameters.dim + column;
    float first[kWidth];
    float second[kWidth];
    float values[kWidth];
    Load(parameters.first_moment + at, first);
    Load(parameters.second_moment + at, second);
    Load(parameters.values + at, values);
    const float step = rates.rate * rates.correction1;
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      const float g = gradient[w];
      first[w] = fmaf(rates.beta1, first[w], (1.0F - rates.beta1) * g);
      second[w] = fmaf(rates.beta2, second[w], (1.0F - rates.beta2) * (g * g));
      values[w] -= step * first[w] / (sqrtf(second[w] * rates.correction2) + rates.epsilon);
    }
    Store(first, parameters.first_moment + at);
    Store(second, parameters.second_moment + at);
    Store(values, parameters.values + at);
  }
};

// A warp sums kLanes * kWidth columns of one list. Lists next to each other go to different blocks,
// because the frequent tokens, with long lists, stand together at the front of a batch.
template <int kWidth, typename Offset, typename Finish>
__global__ void __launch_bounds__(kWarps* kLanes)
    ListsKernel(DeviceLists<Offset> lists, const float* table, std::size_t dim, Finish finish) {
  __shared__ float parts[kWarps][kLanes * kWidth];
  const unsigned warp = threadIdx.x / kLanes;
  const unsigned lane = threadIdx.x % kLanes;
  const std::size_t column = (std::size_t{blockIdx.y} * kLanes + lane) * kWidth;
  const bool inside = column < dim;
  const auto list_of = [&](unsigned w) { return blockIdx.x + std::size_t{w} * gridDim.x; };
  const auto size_of = [&](std::size_t list) -> std::size_t {
    return list < lists.num_lists ? lists.offsets[list + 1] - lists.offsets[list] : 0;
  };

  const std::size_t own = list_of(warp);
  if (own < lists.num_lists && inside && size_of(own) <= kLongList) {
    float sum[kWidth] = {};
    AddEntries(lists, table, dim, column, lists.offsets[own], lists.offsets[own + 1], 1, sum);
    finish(own, column, sum);
  }
  for (unsigned w = 0; w < kWarps; ++w) {
    const std::size_t list = list_of(w);
    if (size_of(list) <= kLongList) {  // the same for all threads of the block
      continue;
    }
    float sum[kWidth] = {};
    if (inside) {
      AddEntries(lists, table, dim, column, lists.offsets[list] + warp, lists.offsets[list + 1],
                 kWarps, sum);
    }
    for (int i = 0; i < kWidth; ++i) {
      parts[warp][i * kLanes + lane] = sum[i];
    }
    __syncthreads();
    if (warp == w && inside) {
      float total[kWidth] = {};
      for (unsigned part = 0; part < kWarps; ++part) {
        for (int i = 0; i < kWidth; ++i) {
          total[i] += parts[part][i * kLanes + lane];
        }
      }
      finish(list, column, total);
    }
    __syncthreads();
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kWarps* kLanes)
    StepRowsKernel(std::size_t num_rows, const float* gradients, std::size_t dim, StepRow step) {
  const std::size_t row = std::size_t{blockIdx.x} * kWarps + threadIdx.x / kLanes;
  const std::size_t column = (std::size_t{blockIdx.y} * kLanes + threadIdx.x % kLanes) * kWidth;
  if (row < num_rows && column < dim) {
    float gradient[kWidth];
    Load(gradients + row * dim + column, gradient);
    step(row, column, gradient);
  }
}

// Whether all rows of all matrices begin at multiples of 16 bytes.
template <typename... Pointers>
bool Aligned(std::size_t dim, Pointers... pointers) {
  return dim % 4 == 0 && ((reinterpret_cast<std::uintptr_t>(pointers) % 16 == 0) && ...);
}

bool MakeGrid(std::size_t num_items, std::size_t dim, std::size_t width, dim3* grid) {
  const std::size_t height = (dim + kLanes * width - 1) / (kLanes * width);
  grid->x = static_cast<unsigned>((num_items + kWarps - 1) / kWarps);
  grid->y = static_cast<unsigned>(height);
  return height <= kGridHeightMax;
}

template <int kWidth, typename Offset, typename Finish>
cudaError_t LaunchLists(const DeviceLists<Offset>& lists, const float* table, std::size_t dim,
                        const Finish& finish, cudaStream_t stream) {
  dim3 grid;
  if (!MakeGrid(lists.num_lists, dim, kWidth, &grid)) {
    return cudaErrorInvalidValue;
  }
  ListsKernel<kWidth><<<grid, kWarps * kLanes, 0, stream>>>(lists, table, dim, finish);
  return cudaGetLastError();
}

}  // namespace

template <typename Offset>
cudaError_t DeviceSumLists(const DeviceLists<Offset>& lists, const float* table, std::size_t dim,
                           const DeviceSumOptions& options, float* out, cudaStream_t stream) {
  if (lists.num_lists == 0 || dim == 0) {
    return cudaSuccess;
  }
  const StoreSum finish{options, out, dim};
  return Aligned(dim, table, out) ? LaunchLists<4>(lists, table, dim, finish, stream)
                                  : LaunchLists<1>(lists, table, dim, finish, stream);
}

template cudaError_t DeviceSumLists(const DeviceLists<std::uint32_t>&, const float*, std::size_t,
                                    const DeviceSumOptions&, float*, cudaStream_t);
template cudaError_t DeviceSumLists(const DeviceLists<std::uint64_t>&, const float*, std::size_t,
                                    const DeviceSumOptions&, float*, cudaStream_t);

cudaError_t DeviceStepLists(const AdamRates& rates, const DeviceLists<std::uint32_t>& lists,
                            const std::uint32_t* rows, const float* gradients,
                            const DeviceParameters& parameters, cudaStream_t stream) {
  if (lists.num_lists == 0 || parameters.dim == 0) {
    return cudaSuccess;
  }
  const StepRow finish{rates, parameters, rows};
  return Aligned(parameters.dim, gradients, parameters.values, parameters.first_moment,
                 parameters.second_moment)
             ? LaunchLists<4>(lists, gradients, parameters.dim, finish, stream)
             : LaunchLists<1>(lists, gradients, parameters.dim, finish, stream);
}

cudaError_t DeviceStepRows(const AdamRates& rates, const std::uint32_t* rows, std::size_t num_rows,
                           const float* gradients, const DeviceParameters& parameters,
                           cudaStream_t stream) {
  if (num_rows == 0 || parameters.dim == 0) {
    return cudaSuccess;
  }
  const StepRow step{rates, parameters, rows};
  const bool aligned = Aligned(parameters.dim, gradients, parameters.values,
                               parameters.first_moment, parameters.second_moment);
  dim3 grid;
  if (!MakeGrid(num_rows, parameters.dim, aligned ? 4 : 1, &grid)) {
    return cudaErrorInvalidValue;
  }
  if (aligned) {
    StepRowsKernel<4>
        <<<grid, kWarps * kLanes, 0, stream>>>(num_rows, gradients, parameters.dim, step);
  } else {
    StepRowsKernel<1>
        <<<grid, kWarps * kLanes, 0, stream>>>(num_rows, gradients, parameters.dim, step);
  }
  return cudaGetLastError();
}

}  // namespace dashi::trainer
