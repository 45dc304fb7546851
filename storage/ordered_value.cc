#include "storage/ordered_value.h"

#include <bit>
#include <cstdint>
#include <string_view>

#include "base/byte_codec.h"

namespace dashi::storage {

namespace {

// Persisted, in keys.
constexpr char kNullMark = '\x00';
constexpr char kValueMark = '\x01';
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63U;
constexpr std::size_t kGroupBytes = 8;

void AppendInteger(std::string* out, std::int64_t value) {
  AppendBigEndian64(out, static_cast<std::uint64_t>(value) ^ kSignBit);
}

// Negative doubles order backwards by their bits, and below the positive ones.
void AppendReal(std::string* out, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);  // -0 equals 0.
  AppendBigEndian64(out, (bits & kSignBit) != 0 ? ~bits : bits ^ kSignBit);
}

// Groups of eight bytes, the last one filled up with zeros, each followed by 0xFF minus the number
// of bytes filled up; a group that is full is followed by another one.
void AppendText(std::string* out, std::string_view text) {
  text = text.substr(0, kOrderedTextBytesMax);
  for (;;) {
    const std::string_view group = text.substr(0, kGroupBytes);
    out->append(group);
    out->append(kGroupBytes - group.size(), '\0');
    out->push_back(static_cast<char>(0xFF - (kGroupBytes - group.size())));
    if (group.size() < kGroupBytes) {
      return;
    }
    text.remove_prefix(kGroupBytes);
  }
}

}  // namespace

std::string EncodeOrdered(const Value& value) {
  std::string bytes(1, value.is_null() ? kNullMark : kValueMark);
  switch (value.type()) {
    case ValueType::kNull:
      break;
    case ValueType::kInteger:
      AppendInteger(&bytes, value.integer());
      break;
    case ValueType::kReal:
      AppendReal(&bytes, value.real());
      break;
    case ValueType::kText:
      AppendText(&bytes, value.text());
      break;
    case ValueType::kBlob:
      AppendText(&bytes, value.bytes());
      break;
  }
  return bytes;
}

OrderedRange OrderedRange::Nulls() {
  const std::string null(1, kNullMark);
  return {null, null, false};
}

OrderedRange OrderedRange::Between(const std::optional<Value>& lower,
                                   const std::optional<Value>& upper) {
  OrderedRange range;
  range.lower = lower ? EncodeOrdered(*lower) : std::string(1, kValueMark);
  if (upper) {
    range.upper = EncodeOrdered(*upper);
  }
  return range;
}

}  // namespace dashi::storage
