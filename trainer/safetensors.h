#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::trainer {

/// A named tensor in a safetensors file: dtype "F32", "F16" or "U8", row-major little-endian bytes.
struct TensorView {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::string_view bytes;
};

/// Writes the safetensors format (8-byte header length, JSON header, data), readable by Hugging
/// Face's libraries. Tensors are laid out in name order; data starts 8-byte aligned.
class SafetensorsWriter {
 public:
  void Add(std::string name, std::string dtype, std::vector<std::uint64_t> shape,
           std::string_view bytes);
  void AddMetadata(std::string key, std::string value);
  std::string Finish() const;

 private:
  struct Entry {
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::string bytes;
  };
  std::map<std::string, Entry> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// A parsed file; views point into the bytes given to Parse.
struct Safetensors {
  std::map<std::string, TensorView> tensors;
  std::map<std::string, std::string> metadata;

  /// Errors: kCorruption for a header that is no JSON, offsets that overlap, leave the file or do
  /// not
  ///         fit dtype and shape, or duplicate names.
  static Result<Safetensors> Parse(std::string_view bytes);
  /// Errors: kNotFound for a missing name, kCorruption for another dtype or shape.
  Result<std::string_view> Get(std::string_view name, std::string_view dtype,
                               const std::vector<std::uint64_t>& shape) const;
};

}  // namespace dashi::trainer
