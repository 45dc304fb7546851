#include "storage/row_check.h"

#include <cmath>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/status.h"
#include "storage/schema_record.h"

namespace dashi::storage {

namespace {

// Shows an id in a message without letting a huge or broken one into it.
std::string Shown(std::string_view id) {
  constexpr std::size_t kShownBytesMax = 64;
  if (!IsUtf8(id)) {
    return "(not UTF-8)";
  }
  if (id.size() <= kShownBytesMax) {
    return fmt::format("'{}'", id);
  }
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(id[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return fmt::format("'{}...'", id.substr(0, end));
}

Status CheckText(EntityKind kind, std::string_view column, std::string_view id,
                 std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return Status::InvalidArgument(fmt::format("{}.{} is too long: {} bytes, limit {}, id {}",
                                               EntityTableName(kind), column, text.size(),
                                               kTextBytesMax, Shown(id)))
        .WithSqlState("54000");
  }
  if (!IsUtf8(text)) {
    return Status::InvalidArgument(fmt::format("{}.{} is not valid UTF-8: id {}",
                                               EntityTableName(kind), column, Shown(id)))
        .WithSqlState("22021");
  }
  return Status::Ok();
}

Status CheckAttributes(EntityKind kind, const EntityRow& row) {
  std::uint32_t previous = kUserColumnMin - 1;
  for (const Attribute& attribute : row.attributes) {
    if (attribute.column <= previous) {
      return Status::InvalidArgument(
          fmt::format("attributes must ascend by column number from {}: got {}, id {}",
                      kUserColumnMin, attribute.column, Shown(row.id)));
    }
    previous = attribute.column;
    const std::string column = fmt::format("column {}", attribute.column);
    if (attribute.value.type() == ValueType::kText) {
      DASHI_RETURN_IF_ERROR(CheckText(kind, column, row.id, attribute.value.text()));
    } else if (attribute.value.bytes().size() > kTextBytesMax) {
      return Status::InvalidArgument(
                 fmt::format("{}.{} is too long: {} bytes, limit {}, id {}", EntityTableName(kind),
                             column, attribute.value.bytes().size(), kTextBytesMax, Shown(row.id)))
          .WithSqlState("54000");
    }
  }
  return Status::Ok();
}

}  // namespace

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

Status CheckRow(EntityKind kind, const EntityRow& row) {
  if (row.id.empty()) {
    return Status::InvalidArgument(fmt::format("{}.id must not be empty", EntityTableName(kind)));
  }
  if (row.id.size() > kIdBytesMax) {
    return Status::InvalidArgument(fmt::format("{}.id is too long: {} bytes, limit {}, id {}",
                                               EntityTableName(kind), row.id.size(), kIdBytesMax,
                                               Shown(row.id)))
        .WithSqlState("54000");
  }
  if (!IsUtf8(row.id)) {
    return Status::InvalidArgument(fmt::format("{}.id is not valid UTF-8", EntityTableName(kind)))
        .WithSqlState("22021");
  }
  DASHI_RETURN_IF_ERROR(CheckText(kind, "text", row.id, row.text));
  if (row.split) {
    if (kind != EntityKind::kDocument) {
      return Status::InvalidArgument(
          fmt::format("{} have no split: id {}", EntityTableName(kind), Shown(row.id)));
    }
    if (*row.split != "train" && *row.split != "test" && *row.split != "valid") {
      return Status::InvalidArgument(
                 fmt::format("documents.split must be 'train', 'test', 'valid' or NULL: got {}, "
                             "id {}",
                             Shown(*row.split), Shown(row.id)))
          .WithSqlState("23514");
    }
  }
  return row.attributes.empty() ? Status::Ok() : CheckAttributes(kind, row);
}

Status CheckName(std::string_view what, std::string_view name) {
  if (name.empty() || name.size() > kIdBytesMax || name.find('\0') != std::string_view::npos) {
    return Status::InvalidArgument(
        fmt::format("the name of a {} must have 1 to {} bytes and no zero byte: got {} bytes", what,
                    kIdBytesMax, name.size()));
  }
  if (!IsUtf8(name)) {
    return Status::InvalidArgument(fmt::format("the name of a {} is not valid UTF-8", what))
        .WithSqlState("22021");
  }
  return Status::Ok();
}

Status CheckWeight(float weight) {
  if (!std::isfinite(weight)) {
    return Status::InvalidArgument(
        fmt::format("relevance.weight must be a finite number: got {}", weight));
  }
  return Status::Ok();
}

Status CheckEdgeWeight(double weight) {
  if (!std::isfinite(weight) || weight < 0) {
    return Status::InvalidArgument(
        fmt::format("edges.weight must be a finite number, 0 or above: got {}", weight));
  }
  return Status::Ok();
}

}  // namespace dashi::storage
