#include "trainer/text/bert_words.h"

#include <algorithm>
#include <utility>

#include "trainer/text/reference_unicode.h"

namespace dashi::trainer {
namespace {

void Clean(std::u32string* text) {
  std::erase_if(*text, IsRemovedByCleaning);
  std::replace_if(text->begin(), text->end(), IsWhitespace, U' ');
}

void PadIdeographs(std::u32string* text) {
  std::u32string padded;
  for (const char32_t code_point : *text) {
    if (IsIdeograph(code_point)) {
      padded.append({U' ', code_point, U' '});
    } else {
      padded.push_back(code_point);
    }
  }
  *text = std::move(padded);
}

/// Canonical order: marks between two starters are sorted by combining class, stably.
void OrderMarks(std::u32string* text) {
  for (auto begin = text->begin(); begin != text->end();) {
    if (CombiningClass(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(
        begin, text->end(), [](char32_t code_point) { return CombiningClass(code_point) == 0; });
    std::stable_sort(begin, end,
                     [](char32_t a, char32_t b) { return CombiningClass(a) < CombiningClass(b); });
    begin = end;
  }
}

void StripAccents(std::u32string* text) {
  std::u32string decomposed;
  for (const char32_t code_point : *text) {
    AppendDecomposition(code_point, &decomposed);
  }
  OrderMarks(&decomposed);
  std::erase_if(decomposed, IsNonspacingMark);
  *text = std::move(decomposed);
}

void Lower(std::u32string* text) {
  std::u32string lower;
  for (const char32_t code_point : *text) {
    AppendLowerCase(code_point, &lower);
  }
  *text = std::move(lower);
}

std::u32string NormalizedCodePoints(const BertTextOptions& options, std::string_view bytes) {
  std::u32string text;
  AppendCodePoints(bytes, &text);
  if (options.clean_text) {
    Clean(&text);
  }
  if (options.split_ideographs) {
    PadIdeographs(&text);
  }
  if (options.strip_accents) {
    StripAccents(&text);
  }
  if (options.lower_case) {
    Lower(&text);
  }
  return text;
}

/// Returns false as soon as `on_word` does.
bool ForEachInCodePoints(const std::u32string& text,
                         const std::function<bool(std::string_view)>& on_word) {
  std::string word;
  const auto flush = [&] {
    const bool more = word.empty() || on_word(word);
    word.clear();
    return more;
  };
  for (const char32_t code_point : text) {
    if (IsWhitespace(code_point)) {
      if (!flush()) {
        return false;
      }
    } else if (IsPunctuation(code_point)) {
      if (!flush()) {
        return false;
      }
      AppendUtf8(code_point, &word);
      if (!flush()) {
        return false;
      }
    } else {
      AppendUtf8(code_point, &word);
    }
  }
  return flush();
}

}  // namespace

BertWords::BertWords(const BertTextOptions& options) : options_(options) {
  for (std::size_t byte = 0; byte < bytes_.size(); ++byte) {
    const auto code_point = static_cast<char32_t>(byte);
    if (byte >= 0x80) {
      bytes_[byte] = kNotAscii;
    } else if (options.clean_text && IsRemovedByCleaning(code_point)) {
      bytes_[byte] = kRemoved;
    } else if (IsWhitespace(code_point)) {
      bytes_[byte] = kSpace;
    } else if (IsPunctuation(code_point)) {
      bytes_[byte] = kMark;
    } else if (byte < 0x20 || byte == 0x7F) {
      // Control characters that stay: rare enough to be read as what is not ASCII.
      bytes_[byte] = kNotAscii;
    } else if (options.lower_case && byte >= 'A' && byte <= 'Z') {
      bytes_[byte] = static_cast<unsigned char>(byte - 'A' + 'a');
    } else {
      bytes_[byte] = static_cast<unsigned char>(byte);
    }
  }
}

// ASCII is mapped byte by byte. A stretch between ASCII spaces or punctuation that holds anything
// else is normalised alone: nothing reaches across those, which are starters without decomposition
// and stay.
void BertWords::ForEach(std::string_view text,
                        const std::function<bool(std::string_view)>& on_word) const {
  std::string word;
  std::size_t begin = 0;  // of the stretch
  std::size_t at = 0;
  while (at < text.size()) {
    const unsigned char kind = bytes_[static_cast<unsigned char>(text[at])];
    if (kind > kNotAscii) {
      word.push_back(static_cast<char>(kind));
      ++at;
      continue;
    }
    if (kind == kRemoved) {
      ++at;
      continue;
    }
    if (kind == kNotAscii) {
      while (at < text.size()) {
        const unsigned char next = bytes_[static_cast<unsigned char>(text[at])];
        if (next == kSpace || next == kMark) {
          break;
        }
        ++at;
      }
      word.clear();
      if (!ForEachInCodePoints(NormalizedCodePoints(options_, text.substr(begin, at - begin)),
                               on_word)) {
        return;
      }
      begin = at;
      continue;
    }
    if (!word.empty() && !on_word(word)) {
      return;
    }
    word.clear();
    if (kind == kMark && !on_word(text.substr(at, 1))) {
      return;
    }
    begin = ++at;
  }
  if (!word.empty()) {
    on_word(word);
  }
}

std::string BertWords::Normalize(std::string_view text) const {
  std::string normalized;
  for (const char32_t code_point : NormalizedCodePoints(options_, text)) {
    AppendUtf8(code_point, &normalized);
  }
  return normalized;
}

void naive::ForEachBertWord(const BertTextOptions& options, std::string_view text,
                            const std::function<bool(std::string_view)>& on_word) {
  ForEachInCodePoints(NormalizedCodePoints(options, text), on_word);
}

}  // namespace dashi::trainer
