#include "trainer/torch/packed_upload.h"

#include <cstring>

#include <ATen/ops/empty.h>

namespace dashi::trainer {
namespace {

constexpr std::size_t kAlignment = 16;

}  // namespace

std::size_t PackedUpload::AddBytes(const void* data, std::size_t num_bytes) {
  const std::size_t place = num_bytes_;
  parts_.push_back({data, num_bytes, place});
  num_bytes_ = (place + num_bytes + kAlignment - 1) / kAlignment * kAlignment;
  return place;
}

void PackedUpload::Send(at::Device device) {
  const auto size = static_cast<std::int64_t>(num_bytes_);
  const auto options = at::TensorOptions(at::kByte);
  const at::Tensor host = at::empty({size}, options.pinned_memory(true));
  auto* to = host.mutable_data_ptr<std::uint8_t>();
  for (const Part& part : parts_) {
    if (part.num_bytes > 0) {
      std::memcpy(to + part.place, part.data, part.num_bytes);
    }
  }
  storage_ = at::empty({size}, options.device(device));
  storage_.copy_(host, /*non_blocking=*/true);
}

UploadedRows Upload(const SparseRows& rows, at::Device device) {
  PackedUpload upload;
  const std::size_t offsets = upload.Add(rows.offsets);
  const std::size_t columns = upload.Add(rows.columns);
  const std::size_t values = upload.Add(rows.values);
  upload.Send(device);
  return {upload.storage(),
          {upload.At<std::uint64_t>(offsets), upload.At<std::uint32_t>(columns),
           rows.values.empty() ? nullptr : upload.At<float>(values), rows.num_rows()}};
}

UploadedTokens Upload(const BatchTokens& batch, at::Device device) {
  PackedUpload upload;
  const std::size_t tokens = upload.Add(batch.tokens);
  const std::size_t offsets = upload.Add(batch.offsets);
  const std::size_t texts = upload.Add(batch.texts);
  const std::size_t weights = upload.Add(batch.weights);
  upload.Send(device);
  return {upload.storage(),
          {upload.At<std::uint32_t>(offsets), upload.At<std::uint32_t>(texts),
           upload.At<float>(weights), batch.tokens.size()},
          upload.At<std::uint32_t>(tokens)};
}

UploadedColumns Upload(const SparseRows& positives, const SparseRows& masked, at::Device device) {
  PackedUpload upload;
  const std::size_t positive_offsets = upload.Add(positives.offsets);
  const std::size_t positive_columns = upload.Add(positives.columns);
  const std::size_t masked_offsets = upload.Add(masked.offsets);
  const std::size_t masked_columns = upload.Add(masked.columns);
  upload.Send(device);
  return {upload.storage(),
          {upload.At<std::uint64_t>(positive_offsets), upload.At<std::uint32_t>(positive_columns)},
          {upload.At<std::uint64_t>(masked_offsets), upload.At<std::uint32_t>(masked_columns)}};
}

}  // namespace dashi::trainer
