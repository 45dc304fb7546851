#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dashi/session.h"

namespace dashi::differential {

/// What a statement gave: rows as texts in which equal values are the same, or an SQLSTATE.
struct Answer {
  std::string sqlstate;  ///< empty: no error
  std::string message;
  std::vector<std::string> rows;
  std::vector<SqlType> types;  ///< of the columns
  std::string misfit;          ///< a value that is none of its column's type; empty: none is

  /// Sorts the rows, where their order does not count.
  void Sort();
  std::string Shown() const;
};

/// A number as a row's text has it. `digits`: significant ones, of numbers that are not whole.
std::string NumberText(double value, int digits);

/// Joins the values of a row.
void AppendValue(std::string* row, const std::string& value);

/// Runs a statement in a session. `typed`: integers and reals differ.
Answer AnswerOf(Session& session, const std::string& sql, int digits, bool typed);

/// The statements that fill documents, labels and relevance with random rows, NULLs among them.
std::vector<std::string> TableRows(std::uint64_t seed);

/// The columns of one's own, as dashi declares them.
std::vector<std::string> OwnColumns();

/// DASHI_TEST_SEED and DASHI_TEST_ROUNDS: another run, or a longer one.
std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise);

}  // namespace dashi::differential
