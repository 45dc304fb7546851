#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::trainer {

/// Cuts text in any script into normalised words.
///
/// Threads: one thread at a time.
class UnicodeWords {
 public:
  /// Normalises (NFKC with case folding) and cuts at everything that is no letter, mark or number.
  /// Bytes that are not UTF-8 separate words, and what stands before and after them is normalised
  /// apart.
  void ForEach(std::string_view text, const std::function<void(std::string_view)>& on_word);

 private:
  void ForEachInValid(std::string_view text, const std::function<void(std::string_view)>& on_word);

  std::vector<std::int32_t> code_points_ = std::vector<std::int32_t>(64);
  std::string word_;
};

}  // namespace dashi::trainer
