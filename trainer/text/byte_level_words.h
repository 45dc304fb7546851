#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace dashi::trainer {

/// GPT-2's cutting of a text into words, each with the space before it:
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// The text must be UTF-8; every byte of it belongs to one word. Stops when `on_word` returns
/// false.
void ForEachByteLevelWord(std::string_view text,
                          const std::function<bool(std::string_view)>& on_word);

/// What stands for a byte in a byte-level vocabulary: a visible character in UTF-8.
std::string ByteLevelText(std::string_view bytes);
/// The inverse. Returns false when a character stands for no byte.
bool ParseByteLevelText(std::string_view text, std::string* bytes);

}  // namespace dashi::trainer
