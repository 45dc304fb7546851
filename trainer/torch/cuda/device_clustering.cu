#include <cuda_runtime.h>

#include "trainer/torch/cuda/block_reduction.cuh"
#include "trainer/torch/cuda/device_clustering.h"

namespace dashi::trainer {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarpLanes;
constexpr unsigned kWarpsMax = 32;  // of any block
constexpr unsigned kDigits = 256;   // of a radix selection, one byte at a time
constexpr unsigned kDigitsPerLane = kDigits / kWarpLanes;

__device__ float FromHalf(std::uint32_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(static_cast<unsigned short>(bits)));
  return value;
}

// kWidth neighbouring halves are one thread's: 8 when vectors are aligned to 16 bytes, else 1.
template <int kWidth>
__device__ void LoadHalves(const std::uint16_t* from, float (&values)[kWidth]) {
  if constexpr (kWidth == 8) {
    const uint4 loaded = *reinterpret_cast<const uint4*>(from);
    const std::uint32_t words[4] = {loaded.x, loaded.y, loaded.z, loaded.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      values[2 * i] = FromHalf(words[i] & 0xFFFFU);
      values[2 * i + 1] = FromHalf(words[i] >> 16U);
    }
  } else {
    values[0] = FromHalf(*from);
  }
}

__device__ const std::uint16_t* VectorAt(const DeviceLevel& level, std::size_t row) {
  return level.vectors + row * level.dim;
}

// The node of a position (or chunk) by binary search: the last i with borders[i] <= at.
__device__ std::uint32_t FindNode(const std::uint32_t* borders, std::size_t num_nodes,
                                  std::size_t at) {
  std::size_t low = 0;
  std::size_t high = num_nodes;
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    if (borders[middle] <= at) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return static_cast<std::uint32_t>(low);
}

__global__ void NumberRowsKernel(DeviceLevel level) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < level.num_rows) {
    level.node_of[i] = FindNode(level.offsets, level.num_nodes, i);
  }
}

__global__ void __launch_bounds__(kThreads) StartKernel(DeviceLevel level) {
  __shared__ float parts[kWarps];
  const std::size_t node = blockIdx.x;
  if (threadIdx.x == 0) {
    level.active[node] = level.offsets[node + 1] - level.offsets[node] > 1 ? 1 : 0;
  }
  float* direction = level.directions + node * level.dim;
  for (std::size_t i = 0; i < SplitRules::kStartPairs; ++i) {
    const StartPair pair = level.starts[node * SplitRules::kStartPairs + i];
    const std::uint16_t* first = VectorAt(level, pair.first);
    const std::uint16_t* second = VectorAt(level, pair.second);
    float squares = 0;
    for (std::size_t c = threadIdx.x; c < level.dim; c += kThreads) {
      direction[c] = FromHalf(second[c]) - FromHalf(first[c]);
      squares += direction[c] * direction[c];
    }
    if (ReduceBlock(squares, Add(), parts) > SplitRules::kDistanceMin) {
      break;
    }
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) ScoreKernel(DeviceLevel level) {
  const std::size_t i = std::size_t{blockIdx.x} * kWarps + threadIdx.x / kWarpLanes;
  if (i >= level.num_rows) {
    return;
  }
  const std::size_t node = level.node_of[i];
  if (level.active[node] == 0) {
    return;
  }
  const std::uint16_t* vector = VectorAt(level, level.rows[i]);
  const float* direction = level.directions + node * level.dim;
  float sum = 0;
  for (std::size_t c = threadIdx.x % kWarpLanes * kWidth; c < level.dim; c += kWarpLanes * kWidth) {
    float values[kWidth];
    LoadHalves(vector + c, values);
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      sum = fmaf(direction[c + w], values[w], sum);
    }
  }
  sum = ReduceWarp(sum, Add());
  if (threadIdx.x % kWarpLanes == 0) {
    level.scores[i] = sum;
  }
}

// Among the threads of a block in order, how many before this one have the flag; adds all that have
// it to `count`.
__device__ std::uint32_t RankInBlock(bool flag, std::uint32_t* warp_counts, std::uint32_t* count) {
  const unsigned lane = threadIdx.x % kWarpLanes;
  const unsigned warp = threadIdx.x / kWarpLanes;
  const std::uint32_t flags = __ballot_sync(kFullMask, flag);
  if (lane == 0) {
    warp_counts[warp] = static_cast<std::uint32_t>(__popc(flags));
  }
  __syncthreads();
  std::uint32_t rank = *count + static_cast<std::uint32_t>(__popc(flags & ((1U << lane) - 1U)));
  for (unsigned w = 0; w < blockDim.x / kWarpLanes; ++w) {
    rank += w < warp ? warp_counts[w] : 0;
    *count += warp_counts[w];
  }
  __syncthreads();
  return rank;
}

// A score's place in the order of scores; minus zero equals zero.
__device__ std::uint32_t OrderKey(float score) {
  const std::uint32_t bits = __float_as_uint(score + 0.0F);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

// The first warp finds the digit that holds the element number `rank`, from 1, of a histogram, and
// how many elements stand before the digit's.
struct Digit {
  std::uint32_t digit;
  std::uint32_t num_before;
};

__device__ void FindDigit(const std::uint32_t* histogram, std::uint32_t rank, Digit* found) {
  const unsigned lane = threadIdx.x;
  std::uint32_t own = 0;
  for (unsigned i = 0; i < kDigitsPerLane; ++i) {
    own += histogram[lane * kDigitsPerLane + i];
  }
  std::uint32_t upto = own;
  for (unsigned step = 1; step < kWarpLanes; step *= 2) {
    const std::uint32_t lower = __shfl_up_sync(kFullMask, upto, step);
    upto += lane >= step ? lower : 0;
  }
  std::uint32_t before = upto - own;
  if (before < rank && rank <= upto) {
    std::uint32_t digit = lane * kDigitsPerLane;
    while (before + histogram[digit] < rank) {
      before += histogram[digit];
      ++digit;
    }
    *found = {digit, before};
  }
}

// Radix selection of a node's median, then every row's side. One block a node, of any size.
__global__ void SelectKernel(DeviceLevel level) {
  __shared__ std::uint32_t histogram[kDigits];
  __shared__ std::uint32_t warp_counts[kWarpsMax];
  __shared__ Digit found;
  const std::size_t node = blockIdx.x;
  if (level.active[node] == 0) {
    return;
  }
  const std::uint32_t begin = level.offsets[node];
  const std::uint32_t size = level.offsets[node + 1] - begin;
  const float* scores = level.scores + begin;
  std::uint32_t prefix = 0;
  std::uint32_t mask = 0;
  std::uint32_t rank = (size + 1) / 2;  // among those that have the prefix
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (unsigned i = threadIdx.x; i < kDigits; i += blockDim.x) {
      histogram[i] = 0;
    }
    __syncthreads();
    for (std::uint32_t i = threadIdx.x; i < size; i += blockDim.x) {
      const std::uint32_t key = OrderKey(scores[i]);
      if ((key & mask) == prefix) {
        atomicAdd(&histogram[key >> shift & (kDigits - 1)], 1U);
      }
    }
    __syncthreads();
    if (threadIdx.x < kWarpLanes) {
      FindDigit(histogram, rank, &found);
    }
    __syncthreads();
    prefix |= found.digit << shift;
    mask |= (kDigits - 1) << shift;
    rank -= found.num_before;
    __syncthreads();
  }
  // `prefix` is now the key of the last row of the first half, and `rank` of the rows with this key
  // belong there.
  std::uint32_t num_equal = 0;
  for (std::uint32_t base = 0; base < size; base += blockDim.x) {
    const std::uint32_t i = base + threadIdx.x;
    const std::uint32_t key = i < size ? OrderKey(scores[i]) : 0;
    const bool equal = i < size && key == prefix;
    const std::uint32_t number = RankInBlock(equal, warp_counts, &num_equal);
    if (i < size) {
      level.sides[begin + i] = key < prefix || (equal && number < rank) ? 0 : 1;
    }
  }
}

// Sums a chunk's vectors: all of them, or those of the first half.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) SumKernel(DeviceLevel level, bool first_half) {
  __shared__ float parts[kWarps][kWarpLanes * kWidth];
  __shared__ std::uint32_t node;
  const std::size_t chunk = blockIdx.x;
  if (threadIdx.x == 0) {
    node = FindNode(level.first_chunk, level.num_nodes, chunk);
  }
  __syncthreads();
  if (level.active[node] == 0) {
    return;
  }
  const unsigned warp = threadIdx.x / kWarpLanes;
  const unsigned lane = threadIdx.x % kWarpLanes;
  const std::size_t begin =
      level.offsets[node] + (chunk - level.first_chunk[node]) * kDeviceChunkRows;
  const std::size_t node_end = level.offsets[node + 1];
  const std::size_t end = begin + kDeviceChunkRows < node_end ? begin + kDeviceChunkRows : node_end;
  for (std::size_t tile = 0; tile < level.dim; tile += kWarpLanes * kWidth) {
    const std::size_t column = tile + lane * kWidth;
    float sum[kWidth] = {};
    if (column < level.dim) {
      for (std::size_t i = begin + warp; i < end; i += kWarps) {
        if (first_half && level.sides[i] != 0) {
          continue;
        }
        float values[kWidth];
        LoadHalves(VectorAt(level, level.rows[i]) + column, values);
#pragma unroll
        for (int w = 0; w < kWidth; ++w) {
          sum[w] += values[w];
        }
      }
    }
#pragma unroll
    for (int w = 0; w < kWidth; ++w) {
      parts[warp][w * kWarpLanes + lane] = sum[w];
    }
    __syncthreads();
    if (warp == 0 && column < level.dim) {
      for (int w = 0; w < kWidth; ++w) {
        float total = 0;
        for (unsigned part = 0; part < kWarps; ++part) {
          total += parts[part][w * kWarpLanes + lane];
        }
        level.partial[chunk * level.dim + column + w] = total;
      }
    }
    __syncthreads();
  }
}

// Adds up the chunks of one column of a node, in order.
__device__ float SumChunks(const DeviceLevel& level, std::size_t node, std::size_t column) {
  float sum = 0;
  for (std::size_t chunk = level.first_chunk[node]; chunk < level.first_chunk[node + 1]; ++chunk) {
    sum += level.partial[chunk * level.dim + column];
  }
  return sum;
}

__global__ void __launch_bounds__(kThreads) TotalKernel(DeviceLevel level) {
  const std::size_t node = blockIdx.x;
  if (level.active[node] != 0) {
    for (std::size_t c = threadIdx.x; c < level.dim; c += kThreads) {
      level.totals[node * level.dim + c] = SumChunks(level, node, c);
    }
  }
}

__global__ void __launch_bounds__(kThreads) MoveKernel(DeviceLevel level, int iteration) {
  __shared__ float parts[kWarps];
  const std::size_t node = blockIdx.x;
  if (level.active[node] == 0) {
    return;
  }
  const float* totals = level.totals + node * level.dim;
  float* direction = level.directions + node * level.dim;
  float first_squares = 0;
  float second_squares = 0;
  for (std::size_t c = threadIdx.x; c < level.dim; c += kThreads) {
    const float first = SumChunks(level, node, c);
    direction[c] = first;  // kept for the second pass
    first_squares += first * first;
    second_squares += (totals[c] - first) * (totals[c] - first);
  }
  const float first_norm = sqrtf(ReduceBlock(first_squares, Add(), parts));
  const float second_norm = sqrtf(ReduceBlock(second_squares, Add(), parts));
  const float first_scale = first_norm > 0 ? 1.0F / first_norm : 0.0F;
  const float second_scale = second_norm > 0 ? 1.0F / second_norm : 0.0F;
  for (std::size_t c = threadIdx.x; c < level.dim; c += kThreads) {
    const float first = direction[c];
    direction[c] = (totals[c] - first) * second_scale - first * first_scale;
  }
  if (threadIdx.x == 0) {
    const std::uint32_t size = level.offsets[node + 1] - level.offsets[node];
    const double next = (static_cast<double>(first_norm) + second_norm) / size;
    if (iteration > 0 && next - level.similarities[node] < SplitRules::kGainMin) {
      level.active[node] = 0;
    } else {
      level.similarities[node] = next;
      atomicAdd(level.num_active, 1U);
    }
  }
}

__global__ void PartitionKernel(DeviceLevel level, std::uint32_t* out) {
  __shared__ std::uint32_t warp_counts[kWarpsMax];
  const std::size_t node = blockIdx.x;
  const std::uint32_t begin = level.offsets[node];
  const std::uint32_t size = level.offsets[node + 1] - begin;
  if (size == 1) {
    if (threadIdx.x == 0) {
      out[begin] = level.rows[begin];
    }
    return;
  }
  const std::uint32_t half = (size + 1) / 2;
  std::uint32_t num_first = 0;
  for (std::uint32_t base = 0; base < size; base += blockDim.x) {
    const std::uint32_t i = base + threadIdx.x;
    const bool is_first = i < size && level.sides[begin + i] == 0;
    const std::uint32_t number = RankInBlock(is_first, warp_counts, &num_first);
    if (i < size) {
      out[begin + (is_first ? number : half + (i - number))] = level.rows[begin + i];
    }
  }
}

bool Aligned(const DeviceLevel& level) {
  return level.dim % 8 == 0 && reinterpret_cast<std::uintptr_t>(level.vectors) % 16 == 0;
}

// Threads of a block that goes over one node's rows.
unsigned NodeThreads(const DeviceLevel& level) {
  unsigned threads = kWarpLanes;
  while (threads < kWarpsMax * kWarpLanes && threads * 4 < level.node_rows_max) {
    threads *= 2;
  }
  return threads;
}

cudaError_t SumVectors(const DeviceLevel& level, bool first_half, cudaStream_t stream) {
  const auto chunks = static_cast<unsigned>(level.num_chunks);
  if (Aligned(level)) {
    SumKernel<8><<<chunks, kThreads, 0, stream>>>(level, first_half);
  } else {
    SumKernel<1><<<chunks, kThreads, 0, stream>>>(level, first_half);
  }
  return cudaGetLastError();
}

}  // namespace

cudaError_t DeviceStartLevel(const DeviceLevel& level, cudaStream_t stream) {
  const auto nodes = static_cast<unsigned>(level.num_nodes);
  const auto blocks = static_cast<unsigned>((level.num_rows + kThreads - 1) / kThreads);
  NumberRowsKernel<<<blocks, kThreads, 0, stream>>>(level);
  StartKernel<<<nodes, kThreads, 0, stream>>>(level);
  const cudaError_t error = SumVectors(level, /*first_half=*/false, stream);
  if (error != cudaSuccess) {
    return error;
  }
  TotalKernel<<<nodes, kThreads, 0, stream>>>(level);
  return cudaGetLastError();
}

cudaError_t DeviceScoreRows(const DeviceLevel& level, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((level.num_rows + kWarps - 1) / kWarps);
  if (Aligned(level)) {
    ScoreKernel<8><<<blocks, kThreads, 0, stream>>>(level);
  } else {
    ScoreKernel<1><<<blocks, kThreads, 0, stream>>>(level);
  }
  return cudaGetLastError();
}

cudaError_t DeviceSelectHalves(const DeviceLevel& level, cudaStream_t stream) {
  SelectKernel<<<static_cast<unsigned>(level.num_nodes), NodeThreads(level), 0, stream>>>(level);
  return cudaGetLastError();
}

cudaError_t DeviceMoveDirections(const DeviceLevel& level, int iteration, cudaStream_t stream) {
  cudaError_t error = cudaMemsetAsync(level.num_active, 0, sizeof(std::uint32_t), stream);
  if (error == cudaSuccess) {
    error = SumVectors(level, /*first_half=*/true, stream);
  }
  if (error != cudaSuccess) {
    return error;
  }
  MoveKernel<<<static_cast<unsigned>(level.num_nodes), kThreads, 0, stream>>>(level, iteration);
  return cudaGetLastError();
}

cudaError_t DevicePartition(const DeviceLevel& level, std::uint32_t* out, cudaStream_t stream) {
  PartitionKernel<<<static_cast<unsigned>(level.num_nodes), NodeThreads(level), 0, stream>>>(level,
                                                                                             out);
  return cudaGetLastError();
}

}  // namespace dashi::trainer
