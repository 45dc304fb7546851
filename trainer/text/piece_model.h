#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::trainer {

/// Cuts a text without special tokens into pieces of a vocabulary.
///
/// Threads: const methods may be called at once.
class PieceModel {
 public:
  virtual ~PieceModel() = default;

  /// Appends the text's piece ids, and may stop once `ids` holds `size_max` of them or more.
  virtual void AppendPieces(std::string_view text, std::size_t size_max,
                            std::vector<std::uint32_t>* ids) const = 0;
  /// The text as it stands before it is cut into words, which is where added tokens that are marked
  /// as normalised are looked for. AppendPieces of it equals AppendPieces of the text.
  virtual std::string Normalize(std::string_view text) const = 0;
};

}  // namespace dashi::trainer
