#include "trainer/text/byte_trie.h"

namespace dashi::trainer {
namespace {

std::uint64_t Key(std::uint32_t node, char byte) {
  return (std::uint64_t{node} << 8U) | static_cast<unsigned char>(byte);
}

}  // namespace

std::uint32_t ByteTrie::Next(std::uint32_t node, char byte) const {
  const std::uint32_t* next = edges_.Find(Key(node, byte));
  return next == nullptr ? kNone : *next;
}

bool ByteTrie::Add(std::string_view word, std::uint32_t number) {
  std::uint32_t node = kRoot;
  for (const char byte : word) {
    const auto next = static_cast<std::uint32_t>(numbers_.size());
    node = edges_.FindOrInsert(Key(node, byte), next);
    if (node == next) {
      numbers_.push_back(kNone);
    }
  }
  if (numbers_[node] != kNone) {
    return false;
  }
  numbers_[node] = number;
  return true;
}

std::uint32_t ByteTrie::Walk(std::uint32_t node, std::string_view word) const {
  for (std::size_t i = 0; i < word.size() && node != kNone; ++i) {
    node = Next(node, word[i]);
  }
  return node;
}

std::uint32_t ByteTrie::Find(std::string_view word) const {
  const std::uint32_t node = Walk(kRoot, word);
  return node == kNone ? kNone : numbers_[node];
}

ByteTrie::Match ByteTrie::LongestMatch(std::uint32_t node, std::string_view text) const {
  Match match;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = Next(node, text[i]);
    if (node == kNone) {
      break;
    }
    if (numbers_[node] != kNone) {
      match = {numbers_[node], i + 1};
    }
  }
  return match;
}

}  // namespace dashi::trainer
