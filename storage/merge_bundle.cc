#include "storage/merge_bundle.h"

#include <cstdint>

#include "base/byte_codec.h"

namespace dashi::storage {

namespace {

constexpr std::uint8_t kOpaqueFormat = 0xFF;

}  // namespace

std::string BundleOf(const std::string_view* existing, std::span<const std::string_view> operands) {
  std::string bundle(1, static_cast<char>(kOpaqueFormat));
  AppendLengthPrefixed(&bundle, existing == nullptr ? std::string_view() : *existing);
  for (const std::string_view operand : operands) {
    AppendLengthPrefixed(&bundle, operand);
  }
  return bundle;
}

}  // namespace dashi::storage
