#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "sql/user_schemas.h"
#include "storage/view.h"

namespace dashi::sql {

/// The longest comment, in bytes.
inline constexpr std::size_t kCommentBytesMax = 10'000;

/// What COMMENT ON can be about.
struct CommentedObject {
  std::string kind;  ///< "table", "column", "index", "graph" or "model"
  std::string name;  ///< of a column: "labels.price"
  /// Where the comment is kept among the database's settings. What was renamed keeps it; what was
  /// dropped and made again has another.
  std::string setting;
};

/// All there is of a kind, or of all kinds where it is empty.
///
/// Cost: the catalog is read.
Result<std::vector<CommentedObject>> ListCommentedObjects(const storage::View& view,
                                                          const UserSchemas& schemas,
                                                          std::string_view kind);

/// Finds one by name, whose case counts for graphs and models alone.
///
/// Errors: kNotFound (42P01, 42703 or 42704), with the nearest name.
Result<CommentedObject> FindCommentedObject(const storage::View& view, const UserSchemas& schemas,
                                            std::string_view kind, std::string_view name);

/// nullopt where there is none.
Result<std::optional<std::string>> CommentOf(const storage::View& view,
                                             const CommentedObject& object);

}  // namespace dashi::sql
