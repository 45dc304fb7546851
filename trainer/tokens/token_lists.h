#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"

namespace dashi::trainer {

/// Token ids of the texts of some rows, as they are kept in the database (docs/FORMATS.md): ids in
/// the order of the text, one for each occurrence, two, three or four bytes each.
class TokenLists {
 public:
  std::size_t size() const { return ordinals_.size(); }
  std::uint32_t ordinal(std::size_t i) const { return ordinals_[i]; }
  /// xxh3-64 of the text that the list was made of.
  std::uint64_t text_hash(std::size_t i) const { return text_hashes_[i]; }
  std::span<const std::uint32_t> ids(std::size_t i) const {
    return std::span(ids_).subspan(offsets_[i], offsets_[i + 1] - offsets_[i]);
  }

  /// Ordinals ascend.
  void Append(std::uint32_t ordinal, std::uint64_t text_hash, std::span<const std::uint32_t> ids);

  /// `stamp` says how the texts were read.
  std::string Encode(std::uint64_t stamp) const;
  /// Errors: kCorruption for bytes that Encode did not write with this stamp.
  static Result<TokenLists> Decode(std::string_view bytes, std::uint64_t stamp);

 private:
  std::vector<std::uint32_t> ordinals_;
  std::vector<std::uint64_t> text_hashes_;
  std::vector<std::uint64_t> offsets_{0};
  std::vector<std::uint32_t> ids_;
};

}  // namespace dashi::trainer
