#pragma once

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "dashi/status.h"

#define DASHI_CONCAT_INNER(a, b) a##b
#define DASHI_CONCAT(a, b) DASHI_CONCAT_INNER(a, b)

/// Returns from the enclosing function when `expr` (a Status) is not ok.
#define DASHI_RETURN_IF_ERROR(expr)         \
  do {                                      \
    ::dashi::Status dashi_status_ = (expr); \
    if (!dashi_status_.ok()) {              \
      return dashi_status_;                 \
    }                                       \
  } while (false)

#define DASHI_ASSIGN_OR_RETURN_INNER(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) {                                   \
    return std::move(result).status();                  \
  }                                                     \
  lhs = std::move(result).value()

/// Assigns the value of `expr` (a Result) to `lhs`, or returns its Status.
#define DASHI_ASSIGN_OR_RETURN(lhs, expr) \
  DASHI_ASSIGN_OR_RETURN_INNER(DASHI_CONCAT(dashi_result_, __LINE__), lhs, expr)

/// Aborts with file, line and the condition when it is false. For broken invariants only: no
/// user input may reach it.
#define DASHI_CHECK(condition)                         \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::dashi::internal::CheckFailed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
#define DASHI_DCHECK(condition) static_cast<void>(0)
#else
#define DASHI_DCHECK(condition) DASHI_CHECK(condition)
#endif

namespace dashi {

namespace internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}

/// Runs `body` (returning void, Status or Result) and turns any exception that escapes it into a
/// Status whose message starts with `what`. The only place where foreign exceptions are caught.
///
/// Errors: kResourceExhausted (53200) for std::bad_alloc, kInternal for other exceptions.
template <typename Body>
auto CatchAsStatus(std::string_view what, Body&& body) {
  using Returned = std::invoke_result_t<Body>;
  using Outcome = std::conditional_t<std::is_void_v<Returned>, Status, Returned>;
  try {
    if constexpr (std::is_void_v<Returned>) {
      std::forward<Body>(body)();
      return Status();
    } else {
      return std::forward<Body>(body)();
    }
  } catch (const std::bad_alloc&) {
    return Outcome(
        Status::ResourceExhausted("out of memory in " + std::string(what)).WithSqlState("53200"));
  } catch (const std::exception& error) {
    return Outcome(Status::Internal(std::string(what) + ": " + error.what()));
  } catch (...) {
    return Outcome(Status::Internal(std::string(what) + ": unknown exception"));
  }
}

}  // namespace dashi
