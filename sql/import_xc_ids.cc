#include "sql/import_xc_ids.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "sql/import_lines.h"

namespace dashi::sql {
namespace {

constexpr std::string_view kInvalidText = "22P02";
constexpr std::string_view kBadFormat = "22P04";

/// A defect in a file that only lends its ids is not a row the caller could skip.
Status AsUnreadable(Status status) {
  if (status.code() != StatusCode::kInvalidArgument) {
    return status;
  }
  return Status::Corruption(std::string(status.message())).WithSqlState(kBadFormat);
}

}  // namespace

Result<bool> IsXcJsonFile(const std::string& path) {
  std::string_view name = path;
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (name.ends_with(ending)) {
      name.remove_suffix(ending.size());
      break;
    }
  }
  if (name.ends_with(".json") || name.ends_with(".jsonl")) {
    return true;
  }
  if (name.ends_with(".txt")) {
    return false;
  }
  return Status::InvalidArgument(
      fmt::format("an xc file's name ends in .json or .txt, and .gz or .zst: got {}", path));
}

Result<std::string> ReadXcUid(const ImportJsonLines& json, const simdjson::dom::object& object) {
  simdjson::dom::element element;
  if (object.at_key("uid").get(element) != simdjson::SUCCESS) {
    return json.BadRow(kInvalidText, "the object has no 'uid'");
  }
  Value value;
  DASHI_RETURN_IF_ERROR(json.ToValue("uid", element, &value));
  const bool is_id = value.type() == ValueType::kText || value.type() == ValueType::kInteger;
  if (!is_id || !(element.is_string() || element.is_int64())) {
    return json.BadRow(kInvalidText, "'uid' is neither a string nor an integer");
  }
  return value.ToString();
}

Result<XcIds> XcIds::Load(const std::string& path, std::string prefix, std::size_t row_bytes_max) {
  XcIds ids(std::move(prefix));
  ids.path_ = path;
  ids.size_ = 0;
  DASHI_ASSIGN_OR_RETURN(const bool is_json, IsXcJsonFile(path));
  DASHI_RETURN_IF_ERROR(is_json ? ids.LoadJson(path, row_bytes_max)
                                : ids.CountLines(path, row_bytes_max));
  return ids;
}

Status XcIds::LoadJson(const std::string& path, std::size_t row_bytes_max) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportLines> lines,
                         ImportLines::Open(ImportSource::OfFile(path), row_bytes_max));
  ImportJsonLines json(std::move(lines));
  while (true) {
    simdjson::dom::object object;
    Result<bool> found = json.Next(&object);
    if (!found.ok()) {
      return AsUnreadable(std::move(found).status());
    }
    if (!*found) {
      return Status::Ok();
    }
    Result<std::string> uid = ReadXcUid(json, object);
    if (!uid.ok()) {
      return AsUnreadable(std::move(uid).status());
    }
    bytes_ += *uid;
    ends_.push_back(bytes_.size());
    ++size_;
  }
}

Status XcIds::CountLines(const std::string& path, std::size_t row_bytes_max) {
  DASHI_ASSIGN_OR_RETURN(std::unique_ptr<ImportLines> lines,
                         ImportLines::Open(ImportSource::OfFile(path), row_bytes_max));
  while (true) {
    std::string_view line;
    DASHI_ASSIGN_OR_RETURN(const bool found, lines->Next(&line));
    if (!found) {
      size_ = lines->line();
      return Status::Ok();
    }
  }
}

std::string XcIds::Get(std::uint64_t number) const {
  DASHI_DCHECK(number < size_);
  if (ends_.empty()) {
    return fmt::format("{}{}", prefix_, number);
  }
  const std::uint64_t begin = number == 0 ? 0 : ends_[number - 1];
  return bytes_.substr(begin, ends_[number] - begin);
}

Status XcIds::CheckSize(std::string_view what, std::uint64_t want) const {
  if (path_.empty() || size_ == want) {
    return Status::Ok();
  }
  return Status::InvalidArgument(
             fmt::format("the matrix has {} {}, but {} has {} lines", want, what, path_, size_))
      .WithSqlState(kBadFormat);
}

}  // namespace dashi::sql
