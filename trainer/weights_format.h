#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dashi/status.h"
#include "trainer/safetensors.h"

namespace dashi::trainer {

/// How the blobs of a release name what they are: a member of the safetensors metadata.
inline constexpr std::string_view kFormatKey = "dashi_format";

/// Parses a blob of a release.
///
/// Errors: kCorruption, also when it is of another format, naming both.
Result<Safetensors> ParseFormat(std::string_view bytes, std::string_view format);

/// The length of a vector tensor.
///
/// Errors: kCorruption naming the tensor when there is no such vector.
Result<std::uint64_t> VectorLength(const Safetensors& file, const std::string& name);

/// The shape of a matrix tensor; errors as above.
Result<std::pair<std::uint64_t, std::uint64_t>> MatrixShape(const Safetensors& file,
                                                            const std::string& name);

/// The bytes of numbers, little-endian as this machine is.
template <typename T>
std::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::vector<T> ValuesOf(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  }
  return values;
}

}  // namespace dashi::trainer
