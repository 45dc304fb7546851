#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/byte_codec.h"
#include "base/status.h"

/// What the codecs of catalog records share: a record is a format byte and one JSON object.
namespace dashi::storage::catalog {

using Json = nlohmann::json;

inline constexpr std::uint8_t kCatalogFormat = 1;

std::string EncodeJson(const Json& object);

/// JSON has no infinities and no NaN; they are kept as text.
Json EncodeNumber(double value);
double DecodeNumber(const Json& value);

/// Reads a member where there is one.
template <typename T>
void Read(const Json& object, const char* name, T* field) {
  if (const auto found = object.find(name); found != object.end()) {
    found->get_to(*field);
  }
}

void ReadNumber(const Json& object, const char* name, double* field);

/// Parses a catalog value and hands the object to `read`; a wrong type inside is a decoding error.
template <typename ReadMembers>
bool DecodeJson(std::string_view bytes, ReadMembers&& read) {
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  if (!reader.ReadByte(&format) || format != kCatalogFormat) {
    return false;
  }
  return CatchAsStatus("catalog record",
                       [&]() -> Status {
                         const Json object = Json::parse(reader.rest());
                         if (!object.is_object()) {
                           return Status::Corruption("not an object");
                         }
                         read(object);
                         return Status::Ok();
                       })
      .ok();
}

}  // namespace dashi::storage::catalog
