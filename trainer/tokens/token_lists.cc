#include "trainer/tokens/token_lists.h"

#include <algorithm>

#include "base/byte_codec.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

constexpr std::uint8_t kVersion = 1;

std::uint8_t WidthOf(std::span<const std::uint32_t> ids) {
  const std::uint32_t largest = ids.empty() ? 0 : *std::max_element(ids.begin(), ids.end());
  return largest < 1U << 16U ? 2 : largest < 1U << 24U ? 3 : 4;
}

Status Damaged() { return Status::Corruption("token lists cannot be decoded"); }

}  // namespace

void TokenLists::Append(std::uint32_t ordinal, std::uint64_t text_hash,
                        std::span<const std::uint32_t> ids) {
  ordinals_.push_back(ordinal);
  text_hashes_.push_back(text_hash);
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  offsets_.push_back(ids_.size());
}

std::string TokenLists::Encode(std::uint64_t stamp) const {
  const std::uint8_t width = WidthOf(ids_);
  std::string bytes{static_cast<char>(kVersion), static_cast<char>(width)};
  bytes.reserve(16 + size() * 12 + ids_.size() * width);
  AppendLittleEndian64(&bytes, stamp);
  AppendVarint(&bytes, size());
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    AppendVarint(&bytes, ordinals_[i] - last);
    last = ordinals_[i];
    AppendLittleEndian64(&bytes, text_hashes_[i]);
    AppendVarint(&bytes, ids(i).size());
    for (const std::uint32_t id : ids(i)) {
      for (std::uint8_t byte = 0; byte < width; ++byte) {
        bytes.push_back(static_cast<char>(id >> (8U * byte)));
      }
    }
  }
  return bytes;
}

Result<TokenLists> TokenLists::Decode(std::string_view bytes, std::uint64_t stamp) {
  ByteReader reader(bytes);
  std::uint8_t version = 0;
  std::uint8_t width = 0;
  std::uint64_t found = 0;
  std::uint64_t size = 0;
  if (!reader.ReadByte(&version) || version != kVersion || !reader.ReadByte(&width) || width < 2 ||
      width > 4 || !reader.ReadLittleEndian64(&found) || found != stamp ||
      !reader.ReadVarint(&size)) {
    return Damaged();
  }
  TokenLists lists;
  std::uint64_t ordinal = 0;
  std::vector<std::uint32_t> ids;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::uint64_t distance = 0;
    std::uint64_t hash = 0;
    std::uint64_t length = 0;
    std::string_view raw;
    if (!reader.ReadVarint(&distance) || (i > 0 && distance == 0) ||
        !reader.ReadLittleEndian64(&hash) || !reader.ReadVarint(&length) ||
        length > reader.rest().size() / width || !reader.ReadBytes(length * width, &raw)) {
      return Damaged();
    }
    ordinal += distance;
    if (ordinal > 0xFFFFFFFFU) {
      return Damaged();
    }
    ids.assign(length, 0);
    for (std::size_t j = 0; j < raw.size(); ++j) {
      ids[j / width] |= std::uint32_t{static_cast<std::uint8_t>(raw[j])} << (8U * (j % width));
    }
    lists.Append(static_cast<std::uint32_t>(ordinal), hash, ids);
  }
  if (!reader.empty()) {
    return Damaged();
  }
  return lists;
}

}  // namespace dashi::trainer
