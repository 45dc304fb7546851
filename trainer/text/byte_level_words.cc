#include "trainer/text/byte_level_words.h"

#include <array>

#include "trainer/text/reference_unicode.h"

namespace dashi::trainer {
namespace {

enum class Kind : unsigned char { kLetter, kNumber, kSpace, kOther };

Kind KindOf(char32_t code_point) {
  if (code_point < 0x80) {
    if ((code_point >= 'a' && code_point <= 'z') || (code_point >= 'A' && code_point <= 'Z')) {
      return Kind::kLetter;
    }
    if (code_point >= '0' && code_point <= '9') {
      return Kind::kNumber;
    }
    return IsWhitespace(code_point) ? Kind::kSpace : Kind::kOther;
  }
  if (IsLetter(code_point)) {
    return Kind::kLetter;
  }
  if (IsNumber(code_point)) {
    return Kind::kNumber;
  }
  return IsWhitespace(code_point) ? Kind::kSpace : Kind::kOther;
}

/// The size of the run of one kind that begins `text`, and where its last character begins.
struct Run {
  std::size_t size = 0;
  std::size_t last = 0;
};

Run RunOf(Kind kind, std::string_view text) {
  Run run;
  while (run.size < text.size()) {
    const DecodedCodePoint next = DecodeCodePoint(text.substr(run.size));
    if (KindOf(next.code_point) != kind) {
      break;
    }
    run.last = run.size;
    run.size += next.size;
  }
  return run;
}

std::size_t ContractionSize(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.starts_with(ending)) {
      return ending.size();
    }
  }
  return 0;
}

std::size_t WordSize(std::string_view text) {
  if (const std::size_t size = ContractionSize(text); size > 0) {
    return size;
  }
  const std::size_t space = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  const std::string_view behind = text.substr(space);
  const Kind kind = KindOf(DecodeCodePoint(behind).code_point);
  if (kind != Kind::kSpace) {
    return space + RunOf(kind, behind).size;
  }
  // White space leaves its last character to the word behind it, if it has another.
  const Run run = RunOf(Kind::kSpace, text);
  return run.size < text.size() && run.last > 0 ? run.last : run.size;
}

/// The characters of the bytes: visible Latin-1 as itself, the others from U+0100 on.
constexpr std::array<char32_t, 256> kByteCharacters = [] {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool visible = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
                         (byte >= 0xAE && byte <= 0xFF);
    characters[byte] = visible ? byte : next++;
  }
  return characters;
}();

constexpr std::size_t kNumCharacters = 0x144;  // above the last character of a byte

constexpr std::array<int, kNumCharacters> kCharacterBytes = [] {
  std::array<int, kNumCharacters> bytes{};
  for (int& byte : bytes) {
    byte = -1;
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    bytes[kByteCharacters[byte]] = static_cast<int>(byte);
  }
  return bytes;
}();

}  // namespace

void ForEachByteLevelWord(std::string_view text,
                          const std::function<bool(std::string_view)>& on_word) {
  while (!text.empty()) {
    const std::size_t size = WordSize(text);
    if (!on_word(text.substr(0, size))) {
      return;
    }
    text.remove_prefix(size);
  }
}

std::string ByteLevelText(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    AppendUtf8(kByteCharacters[static_cast<unsigned char>(byte)], &text);
  }
  return text;
}

bool ParseByteLevelText(std::string_view text, std::string* bytes) {
  bytes->clear();
  while (!text.empty()) {
    const DecodedCodePoint next = DecodeCodePoint(text);
    if (!next.valid || next.code_point >= kNumCharacters || kCharacterBytes[next.code_point] < 0) {
      return false;
    }
    bytes->push_back(static_cast<char>(kCharacterBytes[next.code_point]));
    text.remove_prefix(next.size);
  }
  return true;
}

}  // namespace dashi::trainer
