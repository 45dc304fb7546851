#include "trainer/torch/device_level_splitter.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "base/status.h"
#include "trainer/torch/cuda/device_clustering.h"
#include "trainer/torch/packed_upload.h"
#include "trainer/torch/tensor_errors.h"

namespace dashi::trainer {
namespace {

// Work space of one level. All on the device; the names are DeviceLevel's.
struct LevelMemory {
  LevelMemory(std::size_t num_rows, std::size_t num_nodes, std::size_t num_chunks, std::size_t dim,
              at::Device device) {
    const auto make = [&](std::size_t size, at::ScalarType type) {
      return at::empty({static_cast<std::int64_t>(size)}, at::TensorOptions(type).device(device));
    };
    node_of = make(num_rows, at::kInt);
    scores = make(num_rows, at::kFloat);
    sides = make(num_rows, at::kByte);
    directions = make(num_nodes * dim, at::kFloat);
    totals = make(num_nodes * dim, at::kFloat);
    partial = make(num_chunks * dim, at::kFloat);
    similarities = make(num_nodes, at::kDouble);
    active = make(num_nodes, at::kByte);
    num_active = make(1, at::kInt);
    rows_out = make(num_rows, at::kInt);
  }

  at::Tensor node_of;
  at::Tensor scores;
  at::Tensor sides;
  at::Tensor directions;
  at::Tensor totals;
  at::Tensor partial;
  at::Tensor similarities;
  at::Tensor active;
  at::Tensor num_active;
  at::Tensor rows_out;
};

template <typename T>
T* Pointer(at::Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_data_ptr());
}

class DeviceLevelSplitter final : public LevelSplitter {
 public:
  DeviceLevelSplitter(at::Tensor vectors, std::size_t dim)
      : vectors_(std::move(vectors)), dim_(dim) {}

  Status Split(std::span<const std::uint32_t> offsets, std::span<const StartPair> starts,
               std::span<std::uint32_t> rows) override {
    if (rows.empty() || dim_ == 0) {
      return Status();
    }
    return CatchTensorErrors("split clusters", [&] { SplitLevel(offsets, starts, rows); });
  }

 private:
  void SplitLevel(std::span<const std::uint32_t> offsets, std::span<const StartPair> starts,
                  std::span<std::uint32_t> rows) const {
    DeviceLevel level;
    level.num_nodes = offsets.size() - 1;
    std::vector<std::uint32_t> first_chunk{0};
    for (std::size_t node = 0; node < level.num_nodes; ++node) {
      const std::size_t size = offsets[node + 1] - offsets[node];
      level.node_rows_max = std::max(level.node_rows_max, size);
      first_chunk.push_back(
          first_chunk.back() +
          static_cast<std::uint32_t>((size + kDeviceChunkRows - 1) / kDeviceChunkRows));
    }
    PackedUpload upload;
    const std::size_t rows_place = upload.Add(std::span<const std::uint32_t>(rows));
    const std::size_t offsets_place = upload.Add(offsets);
    const std::size_t chunks_place = upload.Add(first_chunk);
    const std::size_t starts_place = upload.Add(starts);
    upload.Send(vectors_.device());
    level.vectors = static_cast<const std::uint16_t*>(vectors_.const_data_ptr());
    level.dim = dim_;
    level.num_rows = rows.size();
    level.num_chunks = first_chunk.back();
    level.rows = upload.At<std::uint32_t>(rows_place);
    level.offsets = upload.At<std::uint32_t>(offsets_place);
    level.first_chunk = upload.At<std::uint32_t>(chunks_place);
    level.starts = upload.At<StartPair>(starts_place);
    LevelMemory memory(level.num_rows, level.num_nodes, level.num_chunks, dim_, vectors_.device());
    Point(&memory, &level);
    Run(level, &memory);
    at::Tensor host =
        at::from_blob(rows.data(), {static_cast<std::int64_t>(rows.size())}, at::kInt);
    host.copy_(memory.rows_out);
  }

  static void Point(LevelMemory* memory, DeviceLevel* level) {
    level->node_of = Pointer<std::uint32_t>(memory->node_of);
    level->scores = Pointer<float>(memory->scores);
    level->sides = Pointer<std::uint8_t>(memory->sides);
    level->directions = Pointer<float>(memory->directions);
    level->totals = Pointer<float>(memory->totals);
    level->partial = Pointer<float>(memory->partial);
    level->similarities = Pointer<double>(memory->similarities);
    level->active = Pointer<std::uint8_t>(memory->active);
    level->num_active = Pointer<std::uint32_t>(memory->num_active);
  }

  static void Run(const DeviceLevel& level, LevelMemory* memory) {
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
    C10_CUDA_CHECK(DeviceStartLevel(level, stream));
    for (int iteration = 0; iteration < SplitRules::kIterationsMax; ++iteration) {
      C10_CUDA_CHECK(DeviceScoreRows(level, stream));
      C10_CUDA_CHECK(DeviceSelectHalves(level, stream));
      C10_CUDA_CHECK(DeviceMoveDirections(level, iteration, stream));
      if (memory->num_active.item<std::int32_t>() == 0) {
        break;
      }
    }
    C10_CUDA_CHECK(DevicePartition(level, Pointer<std::uint32_t>(memory->rows_out), stream));
  }

  const at::Tensor vectors_;  // [num_rows, dim] binary16
  const std::size_t dim_;
};

}  // namespace

Result<std::unique_ptr<LevelSplitter>> MakeDeviceLevelSplitter(const std::uint16_t* vectors,
                                                               std::size_t num_rows,
                                                               std::size_t dim, at::Device device) {
  return CatchTensorErrors(
      "copy vectors to the device", [&]() -> Result<std::unique_ptr<LevelSplitter>> {
        const at::Tensor host = at::from_blob(
            const_cast<std::uint16_t*>(vectors),
            {static_cast<std::int64_t>(num_rows), static_cast<std::int64_t>(dim)}, at::kHalf);
        return std::unique_ptr<LevelSplitter>(
            std::make_unique<DeviceLevelSplitter>(host.to(device), dim));
      });
}

}  // namespace dashi::trainer
