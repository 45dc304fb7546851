#pragma once

#include <string>
#include <vector>

#include "dashi/database.h"

namespace dashi::corrupt {

/// What one question to a database brought.
struct Answer {
  std::string question;
  std::string sqlstate;  ///< "00000" when it was answered
  std::string text;      ///< the rows, one a line; or the error
};

/// All that a database says: every row of every table, relevance from both sides, what fixed
/// queries find, and the figures of an evaluation. Where opening fails that is the only answer.
std::vector<Answer> TakePicture(const std::string& directory, const OpenOptions& options);

/// The table in which the template has a row that its last commit, and nothing else, wrote.
inline constexpr std::string_view kLastCommitQuestion = "SELECT id, text FROM anchors ORDER BY id";
inline constexpr std::string_view kLastCommitId = "~last";

/// Makes a database worth damaging: texts of all sizes, labels, anchors and relevance in several
/// table and blob files and in logs that are still needed; two trained releases, one published,
/// with a graph file. Ends as a killed process would, without closing it.
Status MakeTemplate(const std::string& directory, const std::string& load_directory);

}  // namespace dashi::corrupt
