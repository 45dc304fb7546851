#include "trainer/weights_format.h"

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::trainer {

Result<Safetensors> ParseFormat(std::string_view bytes, std::string_view format) {
  DASHI_ASSIGN_OR_RETURN(Safetensors file, Safetensors::Parse(bytes));
  const auto found = file.metadata.find(std::string(kFormatKey));
  if (found == file.metadata.end() || found->second != format) {
    return Status::Corruption(fmt::format("weights format mismatch: got '{}', want '{}'",
                                          found == file.metadata.end() ? "" : found->second,
                                          format));
  }
  return file;
}

Result<std::uint64_t> VectorLength(const Safetensors& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.shape.size() != 1) {
    return Status::Corruption(fmt::format("weights have no vector named {}", name));
  }
  return found->second.shape[0];
}

Result<std::pair<std::uint64_t, std::uint64_t>> MatrixShape(const Safetensors& file,
                                                            const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.shape.size() != 2) {
    return Status::Corruption(fmt::format("weights have no matrix named {}", name));
  }
  return std::pair(found->second.shape[0], found->second.shape[1]);
}

}  // namespace dashi::trainer
