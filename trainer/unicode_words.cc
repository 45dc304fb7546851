#include "trainer/unicode_words.h"

#include <utf8proc.h>

#include "base/status.h"

namespace dashi::trainer {

namespace {

constexpr auto kNormalization = static_cast<utf8proc_option_t>(
    UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);

const utf8proc_uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

bool IsWordCategory(utf8proc_category_t category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

}  // namespace

void UnicodeWords::ForEach(std::string_view text,
                           const std::function<void(std::string_view)>& on_word) {
  std::size_t begin = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(
        Bytes(text) + end, static_cast<utf8proc_ssize_t>(text.size() - end), &code_point);
    if (length > 0) {
      end += static_cast<std::size_t>(length);
      continue;
    }
    ForEachInValid(text.substr(begin, end - begin), on_word);
    begin = ++end;
  }
  ForEachInValid(text.substr(begin), on_word);
}

void UnicodeWords::ForEachInValid(std::string_view text,
                                  const std::function<void(std::string_view)>& on_word) {
  if (text.empty()) {
    return;
  }
  const auto decompose = [&] {
    return utf8proc_decompose(Bytes(text), static_cast<utf8proc_ssize_t>(text.size()),
                              code_points_.data(),
                              static_cast<utf8proc_ssize_t>(code_points_.size()), kNormalization);
  };
  utf8proc_ssize_t size = decompose();
  if (size > static_cast<utf8proc_ssize_t>(code_points_.size())) {
    code_points_.resize(static_cast<std::size_t>(size));
    size = decompose();
  }
  DASHI_CHECK(size >= 0);
  size = utf8proc_normalize_utf32(code_points_.data(), size, kNormalization);
  DASHI_CHECK(size >= 0);
  word_.clear();
  for (utf8proc_ssize_t i = 0; i < size; ++i) {
    const utf8proc_int32_t code_point = code_points_[static_cast<std::size_t>(i)];
    if (IsWordCategory(utf8proc_category(code_point))) {
      utf8proc_uint8_t encoded[4];
      const utf8proc_ssize_t length = utf8proc_encode_char(code_point, encoded);
      word_.append(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(length));
    } else if (!word_.empty()) {
      on_word(word_);
      word_.clear();
    }
  }
  if (!word_.empty()) {
    on_word(word_);
  }
}

}  // namespace dashi::trainer
