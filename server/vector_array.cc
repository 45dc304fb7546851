#include "server/vector_array.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/byte_codec.h"
#include "base/vector_codec.h"
#include "server/type_oid.h"

namespace dashi {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::uint32_t kFloatBytes = sizeof(float);
/// An element: its length and its bits, both big-endian.
struct Element {
  std::uint32_t length;
  std::uint32_t bits;
};

}  // namespace

void AppendVectorArray(std::string* out, std::string_view vector) {
  const std::size_t dimension = VectorDimension(vector);
  AppendBigEndian32(out, 1);  // dimensions
  AppendBigEndian32(out, 0);  // NULLs
  AppendBigEndian32(out, static_cast<std::uint32_t>(TypeOid::kFloat4));
  AppendBigEndian32(out, static_cast<std::uint32_t>(dimension));
  AppendBigEndian32(out, 1);  // lower bound
  std::size_t at = out->size();
  out->resize(at + dimension * sizeof(Element));
  for (std::size_t i = 0; i < dimension; ++i, at += sizeof(Element)) {
    Element element{__builtin_bswap32(kFloatBytes), 0};
    std::memcpy(&element.bits, vector.data() + i * kFloatBytes, kFloatBytes);
    element.bits = __builtin_bswap32(element.bits);
    std::memcpy(out->data() + at, &element, sizeof(element));
  }
}

std::optional<std::string> VectorOfArray(std::string_view bytes) {
  ByteReader reader(bytes);
  std::uint32_t num_dimensions = 0;
  std::uint32_t has_nulls = 0;
  std::uint32_t type = 0;
  std::uint32_t dimension = 0;
  std::uint32_t lower_bound = 0;
  if (!reader.ReadBigEndian32(&num_dimensions) || !reader.ReadBigEndian32(&has_nulls) ||
      !reader.ReadBigEndian32(&type) || !reader.ReadBigEndian32(&dimension) ||
      !reader.ReadBigEndian32(&lower_bound) || num_dimensions != 1 ||
      type != static_cast<std::uint32_t>(TypeOid::kFloat4) ||
      reader.rest().size() != std::size_t{dimension} * sizeof(Element)) {
    return std::nullopt;
  }
  const std::string_view elements = reader.rest();
  std::string vector(std::size_t{dimension} * kFloatBytes, '\0');
  std::uint32_t other_lengths = 0;  // Bits that some element's length has otherwise.
  for (std::size_t i = 0; i < dimension; ++i) {
    Element element{};
    std::memcpy(&element, elements.data() + i * sizeof(element), sizeof(element));
    other_lengths |= element.length ^ __builtin_bswap32(kFloatBytes);
    const std::uint32_t bits = __builtin_bswap32(element.bits);
    std::memcpy(vector.data() + i * kFloatBytes, &bits, kFloatBytes);
  }
  return other_lengths == 0 ? std::optional<std::string>(std::move(vector)) : std::nullopt;
}

}  // namespace dashi
