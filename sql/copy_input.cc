#include "sql/copy_input.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace dashi::sql {

namespace {

constexpr std::string_view kInputFailed = "the input of COPY has failed";

}  // namespace

ImportSource CopyInput::Source(std::string_view format) {
  ImportSource source;
  source.name = "standard input";
  source.stop = streams_.stop;
  if (format == "binary") {
    source.read_row = [this](Row* row) { return ReadRow(row); };
  } else {
    source.read = [this](std::span<char> bytes) { return Read(bytes); };
  }
  return source;
}

Result<bool> CopyInput::ReadRow(Row* row) {
  Result<bool> more = at_end_ ? Result<bool>(false)
                              : CatchAsStatus("the application's reader of a COPY",
                                              [&] { return streams_.read_row(row); });
  if (!more.ok()) {
    failure_ = std::move(more).status();
    return Status::Aborted(std::string(kInputFailed));
  }
  at_end_ = !*more;
  return more;
}

void CopyInput::Rewind() {
  keeps_ = false;
  given_ = 0;
}

Result<std::size_t> CopyInput::Read(std::span<char> bytes) {
  if (!keeps_ && given_ < kept_.size()) {
    const std::size_t size = std::min(bytes.size(), kept_.size() - given_);
    std::copy_n(kept_.data() + given_, size, bytes.data());
    given_ += size;
    return size;
  }
  if (!keeps_) {
    kept_ = std::string();
    given_ = 0;
  }
  if (at_end_) {
    return std::size_t{0};
  }
  Result<std::size_t> asked = failure_.ok() ? Ask(bytes) : failure_;
  if (!asked.ok()) {
    failure_ = std::move(asked).status();
    return Status::Aborted(std::string(kInputFailed));
  }
  at_end_ = *asked == 0;
  if (keeps_) {
    kept_.append(bytes.data(), *asked);
  }
  return asked;
}

Status CopyInput::Explained(const Status& status) const {
  const bool of_input = status.code() == StatusCode::kAborted && status.message() == kInputFailed;
  return of_input ? failure_ : status;
}

Result<std::size_t> CopyInput::Ask(std::span<char> bytes) {
  DASHI_ASSIGN_OR_RETURN(
      const std::size_t size,
      CatchAsStatus("the application's reader of a COPY", [&] { return streams_.read(bytes); }));
  if (size > bytes.size()) {
    return Status::Internal("the application's reader of a COPY says more than it had room for: " +
                            std::to_string(size));
  }
  return size;
}

}  // namespace dashi::sql
