#include "server/copy_conversation.h"

#include "base/status.h"
#include "server/wire_columns.h"
#include "server/wire_encoder.h"

namespace dashi {

bool TakeCopyStep(ProtocolMachine::Step& step, CopyInbox& inbox) {
  using Action = ProtocolMachine::Step::Action;
  switch (step.action) {
    case Action::kCopyData:
      inbox.Push(std::move(step.copy_bytes));
      return true;
    case Action::kCopyDone:
      inbox.Finish();
      return true;
    case Action::kCopyFailed:
      inbox.Fail(std::move(step.copy_error));
      return true;
    case Action::kCopyBroken:
      inbox.Break(std::move(step.copy_error));
      return true;
    default:
      return false;
  }
}

Result<SeriesEnd> EndLost(ReplyBuffer& replies) {
  AppendError(
      replies.bytes(), Severity::kFatal,
      Status::Unavailable("terminating connection because protocol synchronization was lost")
          .WithSqlState("08P01"),
      /*position=*/0);
  DASHI_RETURN_IF_ERROR(replies.Flush());
  return SeriesEnd::kLost;
}

CopyStreams CopyConversation::streams() {
  CopyStreams streams;
  streams.begin = [this](const CopyStart& start) { return Begin(start); };
  streams.read = [this](std::span<char> bytes) { return inbox_.Read(bytes); };
  streams.stop = [this] { inbox_.End(); };
  streams.write = [this](std::string_view row) { return Write(row); };
  streams.read_row = [this](Row* row) { return binary_->Next(row); };
  streams.write_row = [this](const Row& row) { return WriteRow(row); };
  return streams;
}

Status CopyConversation::Begin(const CopyStart& start) {
  start_ = start;
  const WireFormat format = start.format == "binary" ? WireFormat::kBinary : WireFormat::kText;
  columns_ = WireColumnsOf(start.columns, {});
  for (WireColumn& column : columns_) {
    column.format = format;
  }
  const std::size_t num_columns = start.format == "jsonl" ? 1 : columns_.size();
  if (!start.from_input) {
    AppendCopyOutResponse(replies_.bytes(), format, num_columns);
    if (format == WireFormat::kBinary) {
      AppendBinaryCopyHeader(&row_);
    }
    return Status();
  }
  binary_.emplace(columns_, [this](std::span<char> bytes) { return inbox_.Read(bytes); });
  AppendCopyInResponse(replies_.bytes(), format, num_columns);
  // The connection takes the client's data as such before the client can know that it may send any.
  inbox_.Begin(start.time_left);
  if (before_input_ != nullptr) {
    DASHI_RETURN_IF_ERROR(before_input_());
  }
  DASHI_RETURN_IF_ERROR(replies_.Flush());
  return inbox_.WaitForFirst();
}

Status CopyConversation::Write(std::string_view row) {
  AppendCopyData(replies_.bytes(), row);
  return replies_.FlushIfLarge();
}

Status CopyConversation::WriteRow(const Row& row) {
  DASHI_RETURN_IF_ERROR(AppendBinaryCopyRow(&row_, row, columns_));
  Status status = Write(row_);
  row_.clear();
  return status;
}

void CopyConversation::End(bool ok) {
  if (!start_) {
    return;
  }
  if (start_->from_input) {
    inbox_.End();
  } else if (ok) {
    if (start_->format == "binary") {
      AppendBinaryCopyTrailer(&row_);
      AppendCopyData(replies_.bytes(), row_);
    }
    AppendCopyDone(replies_.bytes());
  }
  start_.reset();
}

}  // namespace dashi
