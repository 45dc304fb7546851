#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/result_set.h"
#include "dashi/status.h"

namespace dashi {

/// What a COPY ... FROM STDIN or TO STDOUT is about to move.
struct CopyStart {
  bool from_input = false;      ///< FROM STDIN
  std::string format;           ///< "tsv" (PostgreSQL's text), "csv", "jsonl" or "binary"
  std::vector<Column> columns;  ///< of a row without a header, or with one as it is meant
  /// Until the statement's time is up, for a `read` that waits; nullopt: never.
  std::optional<std::chrono::milliseconds> time_left;
};

/// What COPY ... FROM STDIN reads and COPY ... TO STDOUT writes: the application's side of it.
///
/// Errors:  what a function returns ends the COPY and is its error, unless the session's Cancel or
///          a time limit came first; what it throws is one, too (kInternal, XX000). Nothing is
///          loaded then. What was written before an error is the application's to throw away.
/// Threads: `read` may be called by another thread than the statement's: one call at a time, and
///          none after the statement has returned. `begin` and `write` are called by the
///          statement's thread. None of them may use the session (55006).
struct CopyStreams {
  /// Is called once, before the first byte, when only rows can still go wrong. nullptr: nobody
  /// asks.
  std::function<Status(const CopyStart&)> begin;
  /// Puts bytes into the room that it is given, at least one, and returns how many; 0 at the end,
  /// after which it is not called again. A row need not come whole. It may wait, and neither Cancel
  /// nor a time limit ends its waiting: who cancels has it return an error. It is not called once
  /// the COPY knows enough, because of an error or of the line `\.` that ends text. nullptr: there
  /// is no input.
  std::function<Result<std::size_t>(std::span<char> bytes)> read;
  /// Is called by the statement's thread when the COPY needs no more input, perhaps while a `read`
  /// waits in another: that is to return soon, whatever. nullptr: the COPY waits until it does.
  std::function<void()> stop;
  /// Of FORMAT binary, in the place of `read`: gives the next row, one value for each of the
  /// columns, and returns true; false at the end. Values of other types than a column's are
  /// converted where nothing is lost. nullptr: there are no rows (0A000).
  std::function<Result<bool>(Row* row)> read_row;
  /// Takes a whole row, with the line feed at its end; the header is one. nullptr: there is no
  /// output.
  std::function<Status(std::string_view row)> write;
  /// Of FORMAT binary, in the place of `write`: takes the values of a row.
  std::function<Status(const Row& row)> write_row;
};

}  // namespace dashi
