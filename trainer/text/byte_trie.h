#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "trainer/text/flat_map.h"

namespace dashi::trainer {

/// Numbers of words, found byte by byte, so that the longest word that begins a text takes one
/// walk. Edges are one hash table.
///
/// Threads: const methods may be called at once.
/// Cost:    one probe of the table a byte.
class ByteTrie {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static constexpr std::uint32_t kRoot = 0;

  /// Adds a word. Returns false when it is there already; its number stays as it was.
  bool Add(std::string_view word, std::uint32_t number);
  /// The node behind `word`, read from `node`; kNone when no word goes on so.
  std::uint32_t Walk(std::uint32_t node, std::string_view word) const;
  /// The word's number, or kNone.
  std::uint32_t Find(std::string_view word) const;

  struct Match {
    std::uint32_t number = kNone;
    std::size_t size = 0;
  };
  /// The longest word that `text` begins with, both read from `node`; empty words do not count.
  Match LongestMatch(std::uint32_t node, std::string_view text) const;

 private:
  std::uint32_t Next(std::uint32_t node, char byte) const;

  std::vector<std::uint32_t> numbers_{kNone};  ///< [num_nodes]
  FlatMap<std::uint32_t> edges_;               ///< node and byte -> node
};

}  // namespace dashi::trainer
