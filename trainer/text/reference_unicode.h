#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dashi::trainer {

/// Unicode as the published tokenizers see it. The reference, Hugging Face's `tokenizers`, takes
/// marks and punctuation from Unicode 8, decompositions from Unicode 9, and lower case, letters and
/// numbers from newer versions; utf8proc has Unicode 15 for all of them. What differs on any code
/// point is in tables here, and a test compares all 1,112,064 code points with the reference.
///
/// Threads: all functions may be called at once.

/// Whether the text cleaner removes it: controls but tab, line feed and carriage return; format
/// and private-use characters; U+FFFD.
bool IsRemovedByCleaning(char32_t code_point);
/// The property White_Space.
bool IsWhitespace(char32_t code_point);
/// Punctuation, and every ASCII character that is no letter, digit, space or control.
bool IsPunctuation(char32_t code_point);
/// CJK ideographs, each of which is a word of its own.
bool IsIdeograph(char32_t code_point);
/// Accents and the like, which accent stripping removes after decomposition.
bool IsNonspacingMark(char32_t code_point);
bool IsLetter(char32_t code_point);
bool IsNumber(char32_t code_point);
/// Canonical combining class: what canonical ordering sorts marks by.
std::uint8_t CombiningClass(char32_t code_point);
/// Appends the canonical decomposition (NFD), or the code point itself.
void AppendDecomposition(char32_t code_point, std::u32string* out);
/// Appends the lower case: one code point, or two for U+0130.
void AppendLowerCase(char32_t code_point, std::u32string* out);

/// Appends the text's code points. Bytes that are no UTF-8 become U+FFFD, one for each longest
/// beginning of a sequence, as Python and browsers read them.
void AppendCodePoints(std::string_view text, std::u32string* out);
void AppendUtf8(char32_t code_point, std::string* out);
bool IsUtf8(std::string_view text);

/// Reads one code point from the front of a text that is not empty; size is in bytes.
struct DecodedCodePoint {
  char32_t code_point = 0;
  std::uint32_t size = 0;
  bool valid = true;  ///< else code_point is U+FFFD
};
DecodedCodePoint DecodeCodePoint(std::string_view text);

}  // namespace dashi::trainer
