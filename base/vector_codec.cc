#include "base/vector_codec.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::size_t kShownMax = 64;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Status BadText(std::string_view text) {
  const std::string_view shown = text.substr(0, kShownMax);
  const bool printable =
      std::all_of(shown.begin(), shown.end(), [](char c) { return c >= ' ' && c < 0x7f; });
  return Status::InvalidArgument(printable
                                     ? fmt::format("invalid input syntax for type vector: \"{}\"{}",
                                                   shown, shown.size() < text.size() ? "..." : "")
                                     : std::string("invalid input syntax for type vector"))
      .WithSqlState("22P02")
      .WithHint("A vector is written '[1, 2.5, 3]'.");
}

Status BadElement(std::string_view what) {
  return Status::InvalidArgument(fmt::format("a vector has no {}", what)).WithSqlState("22000");
}

Status TooManyDimensions() {
  return Status::ResourceExhausted(
             fmt::format("a vector has at most {} dimensions", kVectorDimensionMax))
      .WithSqlState("54000");
}

Status NoDimension() {
  return Status::InvalidArgument("a vector has at least 1 dimension").WithSqlState("22000");
}

/// Reads text from its begin to its end.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}

  bool Take(char c) {
    SkipSpaces();
    const bool is = at_ < text_.size() && text_[at_] == c;
    at_ += is ? 1 : 0;
    return is;
  }
  bool AtEnd() {
    SkipSpaces();
    return at_ == text_.size();
  }
  Status TakeNumber(float* number) {
    SkipSpaces();
    const char* begin = text_.data() + at_;
    const char* const end = text_.data() + text_.size();
    begin += end - begin > 1 && *begin == '+' && begin[1] != '-' ? 1 : 0;
    const auto [next, error] = std::from_chars(begin, end, *number);
    if (error == std::errc::result_out_of_range) {
      return TakeTiny(std::string_view(begin, static_cast<std::size_t>(next - begin)), number);
    }
    if (error != std::errc()) {
      return StartsWithNull() ? BadElement("NULL") : BadText(text_);
    }
    if (!std::isfinite(*number)) {
      return BadElement(std::isnan(*number) ? "NaN" : "infinite number");
    }
    at_ = static_cast<std::size_t>(next - text_.data());
    return Status();
  }

 private:
  void SkipSpaces() {
    while (at_ < text_.size() && IsSpace(text_[at_])) {
      ++at_;
    }
  }
  // A number too small for 32 bits is the nearest that there is, as in PostgreSQL's arithmetic; one
  // too large is none.
  Status TakeTiny(std::string_view digits, float* number) {
    double wide = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wide);
    const bool tiny = error == std::errc() && std::abs(wide) < 1.0;
    if (!tiny) {
      return Status::InvalidArgument(
                 fmt::format("\"{}\" is out of range for a vector", digits.substr(0, kShownMax)))
          .WithSqlState("22003");
    }
    *number = static_cast<float>(wide);
    at_ = static_cast<std::size_t>(end - text_.data());
    return Status();
  }
  bool StartsWithNull() const {
    const std::string_view rest = text_.substr(at_, 4);
    static constexpr std::string_view kNull = "null";
    return std::equal(rest.begin(), rest.end(), kNull.begin(), kNull.end(),
                      [](char a, char b) { return (a | 0x20) == b; });
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

void AppendNumbers(std::string* out, std::string_view vector, char open, char close) {
  *out += open;
  for (std::size_t i = 0; i < VectorDimension(vector); ++i) {
    float number = 0;
    std::memcpy(&number, vector.data() + i * sizeof(float), sizeof(float));
    if (i > 0) {
      *out += ',';
    }
    fmt::format_to(std::back_inserter(*out), "{}", number);
  }
  *out += close;
}

}  // namespace

Result<std::string> VectorOfText(std::string_view text) {
  TextReader reader(text);
  const bool bracket = reader.Take('[');
  if (!bracket && !reader.Take('{')) {
    return BadText(text);
  }
  const char close = bracket ? ']' : '}';
  std::string vector;
  if (reader.Take(close)) {
    return reader.AtEnd() ? NoDimension() : BadText(text);
  }
  do {
    float number = 0;
    DASHI_RETURN_IF_ERROR(reader.TakeNumber(&number));
    if (VectorDimension(vector) == kVectorDimensionMax) {
      return TooManyDimensions();
    }
    const std::size_t size = vector.size();
    vector.resize(size + sizeof(float));
    std::memcpy(vector.data() + size, &number, sizeof(float));
  } while (reader.Take(','));
  if (!reader.Take(close) || !reader.AtEnd()) {
    return BadText(text);
  }
  return vector;
}

Status CheckVector(std::string_view bytes) {
  if (bytes.size() % sizeof(float) != 0) {
    return Status::InvalidArgument(
               fmt::format("{} bytes are no vector of numbers of 4 bytes", bytes.size()))
        .WithSqlState("22P03");
  }
  if (bytes.empty()) {
    return NoDimension();
  }
  if (VectorDimension(bytes) > kVectorDimensionMax) {
    return TooManyDimensions();
  }
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(float)) {
    float number = 0;
    std::memcpy(&number, bytes.data() + i, sizeof(float));
    if (!std::isfinite(number)) {
      return BadElement(std::isnan(number) ? "NaN" : "infinite number");
    }
  }
  return Status();
}

void AppendVectorText(std::string* out, std::string_view vector) {
  AppendNumbers(out, vector, '[', ']');
}

std::string VectorText(std::string_view vector) {
  std::string text;
  AppendVectorText(&text, vector);
  return text;
}

void AppendVectorArrayText(std::string* out, std::string_view vector) {
  AppendNumbers(out, vector, '{', '}');
}

}  // namespace dashi
