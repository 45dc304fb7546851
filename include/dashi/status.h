#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dashi {

/// What went wrong, in three kinds that are never mixed (docs/STYLE.md, section 4).
/// Append only: the numbers are part of the embedded API.
enum class StatusCode : std::uint8_t {
  kOk = 0,
  // The caller's mistake: fix the request.
  kInvalidArgument = 1,
  kNotFound = 2,
  kAlreadyExists = 3,
  kUnimplemented = 4,
  kFailedPrecondition = 5,
  // The environment: retry or surface.
  kIoError = 6,
  kCorruption = 7,
  kResourceExhausted = 8,
  kUnavailable = 9,
  kCancelled = 10,
  kDeadlineExceeded = 11,
  kAborted = 12,
  // A broken invariant inside dashi.
  kInternal = 13,
};

/// Where in a statement's text an error stands. Lines and columns count from 1, columns in
/// Unicode code points; `offset` counts bytes from 0.
struct SourcePosition {
  std::size_t offset = 0;
  std::size_t line = 1;
  std::size_t column = 1;
};

/// The outcome of an operation that can fail.
///
/// Errors:  `sqlstate()` is the five-character SQLSTATE that PostgreSQL would use.
/// Threads: a value type; distinct objects are independent.
/// Cost:    one pointer; success allocates nothing and calls nothing.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(StatusCode code, std::string message);
  ~Status() {
    AssertRead();
    Free();
  }
  Status(const Status& other) : error_(other.error_ ? CopyOf(*other.error_) : nullptr) {
    other.MarkRead();
  }
  Status& operator=(const Status& other) { return this == &other ? *this : *this = Status(other); }
  Status(Status&& other) noexcept : error_(std::exchange(other.error_, nullptr)) {
    other.MarkRead();
  }
  Status& operator=(Status&& other) noexcept;

  static Status Ok() { return Status(); }
  static Status InvalidArgument(std::string message);
  static Status NotFound(std::string message);
  static Status AlreadyExists(std::string message);
  static Status Unimplemented(std::string message);
  static Status FailedPrecondition(std::string message);
  static Status IoError(std::string message);
  static Status Corruption(std::string message);
  static Status ResourceExhausted(std::string message);
  static Status Unavailable(std::string message);
  static Status Cancelled(std::string message);
  static Status DeadlineExceeded(std::string message);
  static Status Aborted(std::string message);
  static Status Internal(std::string message);

  bool ok() const noexcept {
    MarkRead();
    return error_ == nullptr;
  }
  StatusCode code() const noexcept;
  /// Returns the message: fixed text first, values last. Empty when ok.
  std::string_view message() const noexcept;
  /// Returns the SQLSTATE: the one set by WithSqlState, or the code's default ("00000" when ok).
  std::string_view sqlstate() const noexcept;
  /// Returns the position in the statement, when one is known.
  std::optional<SourcePosition> position() const noexcept;
  /// Returns the hint, a sentence on what to do. Empty when there is none.
  std::string_view hint() const noexcept;

  /// Returns this status with a SQLSTATE of five characters. No effect when ok.
  Status WithSqlState(std::string_view sqlstate) &&;
  /// Returns this status with a position in the statement. No effect when ok.
  Status WithPosition(SourcePosition position) &&;
  /// Returns this status with a hint. No effect when ok.
  Status WithHint(std::string hint) &&;
  /// Returns this status with `context` and ": " before the message. No effect when ok.
  Status WithContext(std::string_view context) &&;

  /// Drops this status on purpose; `why` is for the reader.
  void IgnoreError(const char* why) const noexcept;

  /// Returns "OK" or "<code name>: <message>".
  std::string ToString() const;

 private:
  struct Error;
  static Error* CopyOf(const Error& error);
  static void Delete(Error* error) noexcept;
  void Free() noexcept {
    if (error_ != nullptr) {
      Delete(error_);
    }
  }

#ifdef DASHI_STATUS_CHECKED
  void MarkRead() const noexcept { read_ = true; }
  void MarkUnread() noexcept { read_ = false; }
  void AssertRead() const noexcept {
    if (!read_) {
      AbortUnread();
    }
  }
  [[noreturn]] void AbortUnread() const noexcept;
  mutable bool read_ = false;
#else
  void MarkRead() const noexcept {}
  void MarkUnread() noexcept {}
  void AssertRead() const noexcept {}
#endif

  Error* error_ = nullptr;
};

inline Status& Status::operator=(Status&& other) noexcept {
  if (this != &other) {
    AssertRead();
    Free();
    error_ = std::exchange(other.error_, nullptr);
    other.MarkRead();
    MarkUnread();
  }
  return *this;
}

/// Returns the name of a code, e.g. "kNotFound" -> "not found".
std::string_view StatusCodeName(StatusCode code) noexcept;

/// A value or the Status that explains why there is none.
///
/// Errors:  `value()` of a failed result aborts the process: test `ok()` first.
/// Threads: a value type.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {
    if (std::get<0>(state_).ok()) {
      std::get<0>(state_) = Status::Internal("a Result was made from an ok Status");
    }
  }

  bool ok() const noexcept { return state_.index() == 1; }
  Status status() const& { return ok() ? Status() : std::get<0>(state_); }
  Status status() && { return ok() ? Status() : std::move(std::get<0>(state_)); }
  T& value() & { return Checked(); }
  const T& value() const& { return const_cast<Result*>(this)->Checked(); }
  T&& value() && { return std::move(Checked()); }
  T& operator*() & { return Checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(Checked()); }
  T* operator->() { return &Checked(); }
  const T* operator->() const { return &value(); }

 private:
  T& Checked() {
    if (!ok()) {
      AbortOnMissingValue(std::get<0>(state_));
    }
    return std::get<1>(state_);
  }
  [[noreturn]] static void AbortOnMissingValue(const Status& status);

  std::variant<Status, T> state_;
};

/// Prints the status and aborts. Called when a failed Result's value is asked for.
[[noreturn]] void AbortBecauseOf(const Status& status);

template <typename T>
void Result<T>::AbortOnMissingValue(const Status& status) {
  AbortBecauseOf(status);
}

}  // namespace dashi
