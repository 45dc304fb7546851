#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::trainer {

/// Distinct words numbered from 0 in the order of adding: one arena of bytes and one
/// open-addressing hash table, so that a million words are few allocations.
///
/// Threads: const methods may be called at once.
/// Cost:    a lookup hashes the word once and compares its bytes about once.
class WordTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  WordTable();

  std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size()); }
  std::string_view word(std::uint32_t index) const;
  std::string_view arena() const { return arena_; }
  /// Returns the word's number, or kNone.
  std::uint32_t Find(std::string_view word) const;
  /// Returns the word's number, after adding it when it is new.
  std::uint32_t FindOrAdd(std::string_view word);
  /// Makes room for this many words of this many bytes in all.
  void Reserve(std::size_t num_words, std::size_t num_bytes);

 private:
  struct Slot {
    std::uint32_t tag = 0;  ///< upper half of the word's hash
    std::uint32_t index = kNone;
  };

  std::size_t FindSlot(std::string_view word, std::uint64_t hash) const;
  void Grow(std::size_t num_slots);

  std::string arena_;
  std::vector<std::uint64_t> ends_;  ///< where each word ends in the arena
  std::vector<Slot> slots_;          ///< a power of two, at most half full
};

}  // namespace dashi::trainer
