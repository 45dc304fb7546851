#include "base/status.h"

#include <cstdio>
#include <cstdlib>

namespace dashi {

struct Status::Error {
  StatusCode code;
  std::string message;
  std::string sqlstate;
  std::string hint;
  std::optional<SourcePosition> position;
};

namespace {

std::string_view DefaultSqlState(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "00000";
    case StatusCode::kInvalidArgument:
      return "22023";
    case StatusCode::kNotFound:
      return "42704";
    case StatusCode::kAlreadyExists:
      return "42710";
    case StatusCode::kUnimplemented:
      return "0A000";
    case StatusCode::kFailedPrecondition:
      return "55000";
    case StatusCode::kIoError:
      return "58030";
    case StatusCode::kCorruption:
      return "XX001";
    case StatusCode::kResourceExhausted:
      return "53000";
    case StatusCode::kUnavailable:
      return "55006";
    case StatusCode::kCancelled:
      return "57014";
    case StatusCode::kDeadlineExceeded:
      return "57014";
    case StatusCode::kAborted:
      return "40001";
    case StatusCode::kInternal:
      return "XX000";
  }
  return "XX000";
}

}  // namespace

std::string_view StatusCodeName(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kAlreadyExists:
      return "already exists";
    case StatusCode::kUnimplemented:
      return "not supported";
    case StatusCode::kFailedPrecondition:
      return "failed precondition";
    case StatusCode::kIoError:
      return "I/O error";
    case StatusCode::kCorruption:
      return "corruption";
    case StatusCode::kResourceExhausted:
      return "resource exhausted";
    case StatusCode::kUnavailable:
      return "unavailable";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kDeadlineExceeded:
      return "deadline exceeded";
    case StatusCode::kAborted:
      return "aborted";
    case StatusCode::kInternal:
      return "internal error";
  }
  return "unknown";
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) {
    error_ = new Error{code, std::move(message), std::string(DefaultSqlState(code)), "", {}};
  }
}

Status::Error* Status::CopyOf(const Error& error) { return new Error(error); }

void Status::Delete(Error* error) noexcept { delete error; }

#ifdef DASHI_STATUS_CHECKED
void Status::AbortUnread() const noexcept {
  std::fprintf(stderr, "a Status was never read: %s\n", ToString().c_str());
  std::abort();
}
#endif

Status Status::InvalidArgument(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}
Status Status::NotFound(std::string message) {
  return Status(StatusCode::kNotFound, std::move(message));
}
Status Status::AlreadyExists(std::string message) {
  return Status(StatusCode::kAlreadyExists, std::move(message));
}
Status Status::Unimplemented(std::string message) {
  return Status(StatusCode::kUnimplemented, std::move(message));
}
Status Status::FailedPrecondition(std::string message) {
  return Status(StatusCode::kFailedPrecondition, std::move(message));
}
Status Status::IoError(std::string message) {
  return Status(StatusCode::kIoError, std::move(message));
}
Status Status::Corruption(std::string message) {
  return Status(StatusCode::kCorruption, std::move(message));
}
Status Status::ResourceExhausted(std::string message) {
  return Status(StatusCode::kResourceExhausted, std::move(message));
}
Status Status::Unavailable(std::string message) {
  return Status(StatusCode::kUnavailable, std::move(message));
}
Status Status::Cancelled(std::string message) {
  return Status(StatusCode::kCancelled, std::move(message));
}
Status Status::DeadlineExceeded(std::string message) {
  return Status(StatusCode::kDeadlineExceeded, std::move(message));
}
Status Status::Aborted(std::string message) {
  return Status(StatusCode::kAborted, std::move(message));
}
Status Status::Internal(std::string message) {
  return Status(StatusCode::kInternal, std::move(message));
}

StatusCode Status::code() const noexcept {
  MarkRead();
  return error_ ? error_->code : StatusCode::kOk;
}

std::string_view Status::message() const noexcept {
  return error_ ? std::string_view(error_->message) : std::string_view();
}

std::string_view Status::sqlstate() const noexcept {
  return error_ ? std::string_view(error_->sqlstate) : DefaultSqlState(StatusCode::kOk);
}

std::optional<SourcePosition> Status::position() const noexcept {
  return error_ ? error_->position : std::nullopt;
}

std::string_view Status::hint() const noexcept {
  return error_ ? std::string_view(error_->hint) : std::string_view();
}

Status Status::WithSqlState(std::string_view sqlstate) && {
  DASHI_CHECK(sqlstate.size() == 5);
  if (error_) {
    error_->sqlstate = sqlstate;
  }
  return std::move(*this);
}

Status Status::WithPosition(SourcePosition position) && {
  if (error_) {
    error_->position = position;
  }
  return std::move(*this);
}

Status Status::WithHint(std::string hint) && {
  if (error_) {
    error_->hint = std::move(hint);
  }
  return std::move(*this);
}

Status Status::WithContext(std::string_view context) && {
  if (error_) {
    error_->message = std::string(context) + ": " + error_->message;
  }
  return std::move(*this);
}

void Status::IgnoreError(const char* /*why*/) const noexcept { MarkRead(); }

std::string Status::ToString() const {
  MarkRead();
  if (!error_) {
    return "OK";
  }
  return std::string(StatusCodeName(error_->code)) + ": " + error_->message;
}

void AbortBecauseOf(const Status& status) {
  std::fprintf(stderr, "dashi: the value of a failed Result was used: %s\n",
               status.ToString().c_str());
  std::abort();
}

namespace internal {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "dashi: %s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace internal

}  // namespace dashi
