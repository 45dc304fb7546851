#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace dashi {

/// The type of a Value or of a result column. Append only.
enum class ValueType : std::uint8_t {
  kNull = 0,
  kInteger = 1,
  kReal = 2,
  kText = 3,
  kBlob = 4,
};

/// Returns "NULL", "INTEGER", "REAL", "TEXT" or "BLOB".
std::string_view ValueTypeName(ValueType type) noexcept;

/// One SQL value: NULL, a 64-bit integer, a double, UTF-8 text or bytes.
///
/// Threads: a value type.
class Value {
 public:
  struct Blob {
    std::string bytes;
    friend bool operator==(const Blob&, const Blob&) = default;
  };

  Value() noexcept = default;
  static Value Null() noexcept { return Value(); }
  static Value Integer(std::int64_t value) { return Value(Data(value)); }
  static Value Real(double value) { return Value(Data(value)); }
  static Value Text(std::string value) { return Value(Data(std::move(value))); }
  static Value Bytes(std::string bytes) { return Value(Data(Blob{std::move(bytes)})); }
  /// Becomes this text. A value that was text before keeps its memory.
  void AssignText(std::string_view text);

  ValueType type() const noexcept { return static_cast<ValueType>(data_.index()); }
  bool is_null() const noexcept { return data_.index() == 0; }

  /// Each returns its fallback (0, 0.0, "") when the value is of another type, except that
  /// `real()` converts an integer.
  std::int64_t integer() const noexcept;
  double real() const noexcept;
  std::string_view text() const noexcept;
  std::string_view bytes() const noexcept;

  /// Returns the value as a person reads it: "NULL", digits, text itself, or "\x" and hex.
  std::string ToString() const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  using Data = std::variant<std::monostate, std::int64_t, double, std::string, Blob>;
  explicit Value(Data data) : data_(std::move(data)) {}

  Data data_;
};

}  // namespace dashi
