#include "base/byte_codec.h"

#include <array>
#include <concepts>

namespace dashi {
namespace {

constexpr std::size_t kVarintBytesMax = 10;  // of 64 bits, seven a byte

template <std::unsigned_integral T>
void AppendOrdered(std::string* out, T value, bool big_endian) {
  char bytes[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t shift = 8 * (big_endian ? sizeof(T) - 1 - i : i);
    bytes[i] = static_cast<char>(static_cast<unsigned char>(value >> shift));
  }
  out->append(bytes, sizeof(T));
}

template <std::unsigned_integral T>
T DecodeOrdered(std::string_view bytes, bool big_endian) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t shift = 8 * (big_endian ? sizeof(T) - 1 - i : i);
    value = static_cast<T>(value | (static_cast<T>(static_cast<unsigned char>(bytes[i])) << shift));
  }
  return value;
}

template <typename T>
bool ReadOrdered(ByteReader* reader, T* value, bool big_endian) {
  std::string_view bytes;
  if (!reader->ReadBytes(sizeof(T), &bytes)) {
    return false;
  }
  *value = DecodeOrdered<T>(bytes, big_endian);
  return true;
}

}  // namespace

void AppendBigEndian16(std::string* out, std::uint16_t value) { AppendOrdered(out, value, true); }
void AppendBigEndian32(std::string* out, std::uint32_t value) { AppendOrdered(out, value, true); }
void AppendBigEndian64(std::string* out, std::uint64_t value) { AppendOrdered(out, value, true); }
void AppendLittleEndian16(std::string* out, std::uint16_t value) {
  AppendOrdered(out, value, false);
}
void AppendLittleEndian32(std::string* out, std::uint32_t value) {
  AppendOrdered(out, value, false);
}
void AppendLittleEndian64(std::string* out, std::uint64_t value) {
  AppendOrdered(out, value, false);
}
void AppendFloat(std::string* out, float value) {
  AppendLittleEndian32(out, std::bit_cast<std::uint32_t>(value));
}
void AppendDouble(std::string* out, double value) {
  AppendLittleEndian64(out, std::bit_cast<std::uint64_t>(value));
}

void AppendVarint(std::string* out, std::uint64_t value) {
  std::array<char, kVarintBytesMax> bytes;
  std::size_t size = 0;
  while (value >= 0x80) {
    bytes[size++] = static_cast<char>(static_cast<unsigned char>(value | 0x80));
    value >>= 7;
  }
  bytes[size++] = static_cast<char>(static_cast<unsigned char>(value));
  out->append(bytes.data(), size);
}

void AppendLengthPrefixed(std::string* out, std::string_view bytes) {
  AppendVarint(out, bytes.size());
  out->append(bytes);
}

bool ByteReader::Fail() {
  failed_ = true;
  return false;
}

bool ByteReader::ReadBytes(std::size_t size, std::string_view* value) {
  if (failed_ || rest_.size() < size) {
    return Fail();
  }
  *value = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool ByteReader::ReadByte(std::uint8_t* value) { return ReadOrdered(this, value, false); }
bool ByteReader::ReadBigEndian16(std::uint16_t* value) { return ReadOrdered(this, value, true); }
bool ByteReader::ReadBigEndian32(std::uint32_t* value) { return ReadOrdered(this, value, true); }
bool ByteReader::ReadBigEndian64(std::uint64_t* value) { return ReadOrdered(this, value, true); }
bool ByteReader::ReadLittleEndian16(std::uint16_t* value) {
  return ReadOrdered(this, value, false);
}
bool ByteReader::ReadLittleEndian32(std::uint32_t* value) {
  return ReadOrdered(this, value, false);
}
bool ByteReader::ReadLittleEndian64(std::uint64_t* value) {
  return ReadOrdered(this, value, false);
}

bool ByteReader::ReadFloat(float* value) {
  std::uint32_t bits = 0;
  if (!ReadLittleEndian32(&bits)) {
    return false;
  }
  *value = std::bit_cast<float>(bits);
  return true;
}

bool ByteReader::ReadDouble(double* value) {
  std::uint64_t bits = 0;
  if (!ReadLittleEndian64(&bits)) {
    return false;
  }
  *value = std::bit_cast<double>(bits);
  return true;
}

bool ByteReader::ReadVarint(std::uint64_t* value) {
  constexpr int kBitsMax = 64;
  std::uint64_t result = 0;
  for (int shift = 0; shift < kBitsMax; shift += 7) {
    std::uint8_t byte = 0;
    if (!ReadByte(&byte)) {
      return false;
    }
    if (shift == 63 && byte > 1) {
      return Fail();
    }
    result |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) {
      *value = result;
      return true;
    }
  }
  return Fail();
}

bool ByteReader::ReadLengthPrefixed(std::string_view* value) {
  std::uint64_t size = 0;
  if (!ReadVarint(&size)) {
    return false;
  }
  if (size > rest_.size()) {
    return Fail();
  }
  return ReadBytes(size, value);
}

}  // namespace dashi
