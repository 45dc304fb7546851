#include "base/scram_verifier.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <vector>

#include <utf8proc.h>

#include "base/base64.h"
#include "base/sha256.h"

namespace dashi {

namespace {

constexpr std::string_view kPrefix = "SCRAM-SHA-256$";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSaltBytesMax = 1024;

// RFC 3454, B.1: commonly mapped to nothing.
bool IsUnseen(utf8proc_int32_t c) {
  return c == 0x00AD || c == 0x034F || c == 0x1806 || (c >= 0x180B && c <= 0x180D) ||
         (c >= 0x200B && c <= 0x200D) || c == 0x2060 || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF;
}

// RFC 4013, 2.3, but for the spaces, which are mapped.
bool IsProhibited(utf8proc_int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      break;
  }
  return c == 0x0340 || c == 0x0341 || (c >= 0x2FF0 && c <= 0x2FFB) || c == 0xFFFC || c == 0xFFFD;
}

// nullopt where the text is no UTF-8.
std::optional<std::vector<utf8proc_int32_t>> CodePoints(std::string_view text) {
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                         static_cast<utf8proc_ssize_t>(text.size()), &point);
    if (size <= 0) {
      return std::nullopt;
    }
    points.push_back(point);
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return points;
}

std::string Utf8Of(const std::vector<utf8proc_int32_t>& points) {
  std::string text;
  for (const utf8proc_int32_t point : points) {
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t size = utf8proc_encode_char(point, bytes);
    text.append(bytes, bytes + size);
  }
  return text;
}

struct Freeing {
  void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
};

std::optional<std::string> Nfkc(const std::string& text) {
  const std::unique_ptr<utf8proc_uint8_t, Freeing> normal(
      utf8proc_NFKC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str())));
  return normal == nullptr ? std::nullopt
                           : std::optional(std::string(reinterpret_cast<char*>(normal.get())));
}

// Cuts off what stands before the next `end`.
std::optional<std::string_view> Part(std::string_view* rest, char end) {
  const std::size_t size = rest->find(end);
  if (size == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view part = rest->substr(0, size);
  rest->remove_prefix(size + 1);
  return part;
}

}  // namespace

std::string ScramVerifier::ToString() const {
  return std::string(kPrefix) + std::to_string(num_iterations) + ":" + Base64Of(salt) + "$" +
         Base64Of(stored_key) + ":" + Base64Of(server_key);
}

std::string PreparedPassword(std::string_view password) {
  std::string as_it_is(password);
  if (std::all_of(password.begin(), password.end(), [](char byte) { return byte > '\0'; })) {
    return as_it_is;
  }
  std::optional<std::vector<utf8proc_int32_t>> points = CodePoints(password);
  if (!points || std::find(points->begin(), points->end(), 0) != points->end()) {
    return as_it_is;
  }
  std::erase_if(*points, IsUnseen);
  std::replace_if(
      points->begin(), points->end(),
      [](utf8proc_int32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_ZS; }, ' ');
  const std::optional<std::string> prepared = Nfkc(Utf8Of(*points));
  const auto checked = prepared ? CodePoints(*prepared) : std::nullopt;
  const bool allowed =
      checked && !checked->empty() && std::none_of(checked->begin(), checked->end(), IsProhibited);
  return allowed ? *prepared : as_it_is;
}

ScramVerifier MakeScramVerifier(std::string_view password, std::string_view salt,
                                int num_iterations) {
  ScramVerifier verifier;
  verifier.num_iterations = num_iterations;
  verifier.salt = salt;
  const HmacSha256 salted(Pbkdf2Sha256(PreparedPassword(password), salt, num_iterations));
  verifier.stored_key = Sha256Of(salted.Of("Client Key"));
  verifier.server_key = salted.Of("Server Key");
  return verifier;
}

std::optional<ScramVerifier> ParseScramVerifier(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return std::nullopt;
  }
  text.remove_prefix(kPrefix.size());
  const auto iterations = Part(&text, ':');
  const auto salt = iterations ? Part(&text, '$') : std::nullopt;
  const auto stored_key = salt ? Part(&text, ':') : std::nullopt;
  if (!stored_key) {
    return std::nullopt;
  }
  ScramVerifier verifier;
  const auto [end, error] = std::from_chars(
      iterations->data(), iterations->data() + iterations->size(), verifier.num_iterations);
  const bool whole = error == std::errc() && end == iterations->data() + iterations->size();
  verifier.salt = FromBase64(*salt).value_or("");
  verifier.stored_key = FromBase64(*stored_key).value_or("");
  verifier.server_key = FromBase64(text).value_or("");
  const bool good = whole && verifier.num_iterations >= kScramIterations &&
                    verifier.num_iterations <= kScramIterationsMax && !verifier.salt.empty() &&
                    verifier.salt.size() <= kSaltBytesMax &&
                    verifier.stored_key.size() == kKeyBytes &&
                    verifier.server_key.size() == kKeyBytes;
  return good ? std::optional(std::move(verifier)) : std::nullopt;
}

}  // namespace dashi
