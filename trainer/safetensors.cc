#include "trainer/safetensors.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/byte_codec.h"
#include "base/status.h"
#include "trainer/strict_json.h"

namespace dashi::trainer {

namespace {

using Json = nlohmann::json;

constexpr const char* kMetadataKey = "__metadata__";
constexpr std::size_t kLengthBytes = 8;
/// The limit of the reference implementation.
constexpr std::uint64_t kHeaderBytesMax = 100'000'000;

Status Broken(const std::string& what) {
  return Status::Corruption("safetensors file is damaged: " + what);
}

/// Bytes an element takes, or 0 for a name that the format does not know.
std::uint64_t ElementBytes(std::string_view dtype) {
  for (const char* name : {"F64", "I64", "U64"}) {
    if (dtype == name) {
      return 8;
    }
  }
  for (const char* name : {"F32", "I32", "U32"}) {
    if (dtype == name) {
      return 4;
    }
  }
  for (const char* name : {"F16", "BF16", "I16", "U16"}) {
    if (dtype == name) {
      return 2;
    }
  }
  for (const char* name : {"U8", "I8", "BOOL", "F8_E4M3", "F8_E5M2"}) {
    if (dtype == name) {
      return 1;
    }
  }
  return 0;
}

/// Returns false when the size overflows.
bool TensorBytes(std::string_view dtype, const std::vector<std::uint64_t>& shape,
                 std::uint64_t* bytes) {
  std::uint64_t product = ElementBytes(dtype);
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(product, extent, &product)) {
      return false;
    }
  }
  *bytes = product;
  return true;
}

bool ReadUnsignedList(const Json& list, std::vector<std::uint64_t>* out) {
  if (!list.is_array()) {
    return false;
  }
  for (const Json& item : list) {
    if (!item.is_number_unsigned()) {
      return false;
    }
    out->push_back(item.get<std::uint64_t>());
  }
  return true;
}

Status ReadMetadata(const Json& entry, std::map<std::string, std::string>* metadata) {
  if (!entry.is_object()) {
    return Broken("the metadata is no object");
  }
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      return Broken("the metadata value is no string: " + key);
    }
    metadata->emplace(key, value.get<std::string>());
  }
  return Status::Ok();
}

struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Status ReadTensor(const std::string& name, const Json& entry, std::string_view data,
                  TensorView* tensor, Extent* extent) {
  std::vector<std::uint64_t> offsets;
  std::uint64_t bytes = 0;
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets") || !entry["dtype"].is_string() ||
      !ReadUnsignedList(entry["shape"], &tensor->shape) ||
      !ReadUnsignedList(entry["data_offsets"], &offsets) || offsets.size() != 2) {
    return Broken("the entry is malformed: " + name);
  }
  tensor->dtype = entry["dtype"].get<std::string>();
  if (ElementBytes(tensor->dtype) == 0) {
    return Broken("the dtype is unknown: " + name);
  }
  *extent = {offsets[0], offsets[1]};
  if (extent->begin > extent->end || extent->end > data.size()) {
    return Broken("the offsets leave the file: " + name);
  }
  if (!TensorBytes(tensor->dtype, tensor->shape, &bytes) || bytes != extent->end - extent->begin) {
    return Broken("the offsets do not fit the shape: " + name);
  }
  tensor->bytes = data.substr(extent->begin, bytes);
  return Status::Ok();
}

/// The tensors must cover the data, each byte once.
Status CheckExtents(std::vector<Extent> extents, std::size_t data_bytes) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t covered = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != covered) {
      return Broken("the tensors overlap or leave a gap");
    }
    covered = extent.end;
  }
  return covered == data_bytes ? Status::Ok() : Broken("bytes follow the last tensor");
}

std::string ShapeText(const std::vector<std::uint64_t>& shape) {
  std::string text = "[";
  for (const std::uint64_t extent : shape) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return text + "]";
}

}  // namespace

void SafetensorsWriter::Add(std::string name, std::string dtype, std::vector<std::uint64_t> shape,
                            std::string_view bytes) {
  std::uint64_t size = 0;
  DASHI_CHECK(ElementBytes(dtype) > 0 && name != kMetadataKey);
  DASHI_CHECK(TensorBytes(dtype, shape, &size) && size == bytes.size());
  const bool added =
      tensors_
          .emplace(std::move(name), Entry{std::move(dtype), std::move(shape), std::string(bytes)})
          .second;
  DASHI_CHECK(added);
}

void SafetensorsWriter::AddMetadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

std::string SafetensorsWriter::Finish() const {
  Json header = Json::object();
  if (!metadata_.empty()) {
    header[kMetadataKey] = metadata_;
  }
  std::uint64_t offset = 0;
  for (const auto& [name, entry] : tensors_) {
    header[name] = {{"dtype", entry.dtype},
                    {"shape", entry.shape},
                    {"data_offsets", {offset, offset + entry.bytes.size()}}};
    offset += entry.bytes.size();
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::string file;
  file.reserve(kLengthBytes + text.size() + offset);
  AppendLittleEndian64(&file, text.size());
  file += text;
  for (const auto& [name, entry] : tensors_) {
    file += entry.bytes;
  }
  return file;
}

Result<Safetensors> Safetensors::Parse(std::string_view bytes) {
  std::uint64_t header_bytes = 0;
  ByteReader reader(bytes);
  std::string_view header_text;
  if (!reader.ReadLittleEndian64(&header_bytes) || header_bytes > kHeaderBytesMax ||
      !reader.ReadBytes(header_bytes, &header_text)) {
    return Broken("the header leaves the file");
  }
  const std::string_view data = reader.rest();
  DASHI_ASSIGN_OR_RETURN(const Json header,
                         ParseStrictJsonObject("safetensors header", header_text));
  Safetensors parsed;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) {
      DASHI_RETURN_IF_ERROR(ReadMetadata(entry, &parsed.metadata));
      continue;
    }
    DASHI_RETURN_IF_ERROR(
        ReadTensor(name, entry, data, &parsed.tensors[name], &extents.emplace_back()));
  }
  DASHI_RETURN_IF_ERROR(CheckExtents(std::move(extents), data.size()));
  return parsed;
}

Result<std::string_view> Safetensors::Get(std::string_view name, std::string_view dtype,
                                          const std::vector<std::uint64_t>& shape) const {
  const auto found = tensors.find(std::string(name));
  if (found == tensors.end()) {
    return Status::NotFound("tensor missing: " + std::string(name));
  }
  const TensorView& tensor = found->second;
  if (tensor.dtype != dtype || tensor.shape != shape) {
    return Status::Corruption("tensor " + std::string(name) + " mismatch: got " + tensor.dtype +
                              " " + ShapeText(tensor.shape) + ", want " + std::string(dtype) + " " +
                              ShapeText(shape));
  }
  return tensor.bytes;
}

}  // namespace dashi::trainer
