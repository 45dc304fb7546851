#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace dashi {

/// Appends big-endian integers: bytewise order equals numeric order, so they belong in keys.
void AppendBigEndian16(std::string* out, std::uint16_t value);
void AppendBigEndian32(std::string* out, std::uint32_t value);
void AppendBigEndian64(std::string* out, std::uint64_t value);
/// Appends little-endian integers and IEEE floats: for values.
void AppendLittleEndian16(std::string* out, std::uint16_t value);
void AppendLittleEndian32(std::string* out, std::uint32_t value);
void AppendLittleEndian64(std::string* out, std::uint64_t value);
void AppendFloat(std::string* out, float value);
void AppendDouble(std::string* out, double value);
/// Appends LEB128: never in keys, because it does not keep the order.
void AppendVarint(std::string* out, std::uint64_t value);
/// Appends the length as a varint, then the bytes.
void AppendLengthPrefixed(std::string* out, std::string_view bytes);

/// Reads what the Append functions wrote, from the front of a byte span.
///
/// Errors:  every Read returns false at a short or malformed input and leaves *value as it was;
///          the reader then stays failed.
/// Threads: one thread at a time.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool ReadByte(std::uint8_t* value);
  bool ReadBigEndian16(std::uint16_t* value);
  bool ReadBigEndian32(std::uint32_t* value);
  bool ReadBigEndian64(std::uint64_t* value);
  bool ReadLittleEndian16(std::uint16_t* value);
  bool ReadLittleEndian32(std::uint32_t* value);
  bool ReadLittleEndian64(std::uint64_t* value);
  bool ReadFloat(float* value);
  bool ReadDouble(double* value);
  bool ReadVarint(std::uint64_t* value);
  bool ReadBytes(std::size_t size, std::string_view* value);
  bool ReadLengthPrefixed(std::string_view* value);

  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  bool Fail();

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace dashi
