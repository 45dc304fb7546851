#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trainer/torch/batch_tokens.h"
#include "trainer/torch/cuda/device_loss.h"
#include "trainer/torch/cuda/device_rows.h"

namespace dashi::trainer {

/// Arrays of the host that go to the device in one transfer from page-locked memory, which the
/// stream waits for and the calling thread does not.
///
/// Threads: one thread at a time.
class PackedUpload {
 public:
  /// Takes an array, which must live until Send. Returns its place for At.
  template <typename T>
  std::size_t Add(std::span<const T> values) {
    return AddBytes(values.data(), values.size_bytes());
  }
  template <typename T>
  std::size_t Add(const std::vector<T>& values) {
    return Add(std::span<const T>(values));
  }
  template <typename T>
  std::size_t Add(const NumberArray<T>& values) {
    return Add(std::span<const T>(values));
  }
  void Send(at::Device device);
  /// Where an array is on the device, as long as `storage` lives.
  template <typename T>
  const T* At(std::size_t place) const {
    return reinterpret_cast<const T*>(storage_.const_data_ptr<std::uint8_t>() + place);
  }
  const at::Tensor& storage() const { return storage_; }

 private:
  struct Part {
    const void* data;
    std::size_t num_bytes;
    std::size_t place;
  };
  std::size_t AddBytes(const void* data, std::size_t num_bytes);

  std::vector<Part> parts_;
  std::size_t num_bytes_ = 0;
  at::Tensor storage_;  // [num_bytes]
};

/// Sparse rows as weighted lists on the device.
struct UploadedRows {
  at::Tensor storage;
  DeviceLists<std::uint64_t> lists;
};
UploadedRows Upload(const SparseRows& rows, at::Device device);

/// Token lists of a batch on the device.
struct UploadedTokens {
  at::Tensor storage;
  DeviceLists<std::uint32_t> lists;
  const std::uint32_t* tokens = nullptr;  ///< [num_lists]
};
UploadedTokens Upload(const BatchTokens& batch, at::Device device);

/// The columns of two lists of rows on the device.
struct UploadedColumns {
  at::Tensor storage;
  DeviceColumns positives;
  DeviceColumns masked;
};
UploadedColumns Upload(const SparseRows& positives, const SparseRows& masked, at::Device device);

}  // namespace dashi::trainer
