#include "server/portal.h"

#include <utility>

#include "base/status.h"

namespace dashi {

namespace {

constexpr std::size_t kValueBytes = sizeof(Value);

std::size_t NumBytesOfRow(const Row& row) {
  std::size_t num_bytes = sizeof(Row);
  for (const Value& value : row) {
    num_bytes += NumBytesOf(value);
  }
  return num_bytes;
}

}  // namespace

std::size_t NumBytesOf(const Value& value) {
  return kValueBytes + value.text().size() + value.bytes().size();
}

WireFormat FormatAt(const std::vector<WireFormat>& formats, std::size_t index) {
  if (formats.empty()) {
    return WireFormat::kText;
  }
  return formats[formats.size() == 1 ? 0 : index];
}

Result<bool> PortalRows::Next(Row* row) {
  if (!ahead_.empty()) {
    num_bytes_ -= NumBytesOfRow(ahead_.front());
    *row = std::move(ahead_.front());
    ahead_.pop_front();
    on_row_ = true;
    return true;
  }
  if (!at_end_) {
    DASHI_RETURN_IF_ERROR(Read(row).status());
  }
  on_row_ = !at_end_;
  return on_row_;
}

Result<bool> PortalRows::Read(Row* row) {
  Result<bool> more = result_->Next(row);
  has_failed_ = !more.ok();
  at_end_ = more.ok() && !*more;
  return more;
}

Status PortalRows::ReadAhead(std::size_t num_rows) {
  Row row;
  while (!at_end_ && ahead_.size() < num_rows) {
    DASHI_ASSIGN_OR_RETURN(const bool more, Read(&row));
    if (more) {
      num_bytes_ += NumBytesOfRow(row);
      ahead_.push_back(std::move(row));
    }
  }
  return Status();
}

Result<bool> PortalRows::ReadAll(std::size_t num_bytes_max) {
  while (!at_end_ && num_bytes_ < num_bytes_max) {
    DASHI_RETURN_IF_ERROR(ReadAhead(ahead_.size() + 1));
  }
  return at_end_;
}

}  // namespace dashi
