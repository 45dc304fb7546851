#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "server/portal.h"

namespace dashi {

/// The prepared statements of a connection, those of PREPARE among them. The one without a name
/// gives way to the next.
///
/// Threads: one thread at a time.
class StatementStore {
 public:
  /// A statement is kept compiled, which takes some ten kilobytes beside its text.
  static constexpr std::size_t kStatementsMax = 2048;
  static constexpr std::size_t kTextBytesMax = std::size_t{64} << 20;

  /// Errors: 42P05 when the name is taken; kResourceExhausted (53200) when there are too many, or
  ///         their texts are too long together.
  Status Add(std::string name, std::shared_ptr<NamedStatement> statement);
  /// Null when there is none.
  std::shared_ptr<NamedStatement> Find(std::string_view name) const;
  /// Returns whether there was one.
  bool Erase(std::string_view name);
  void Clear();

 private:
  // Sharers: the portals made of them.
  std::map<std::string, std::shared_ptr<NamedStatement>, std::less<>> statements_;
  std::size_t num_text_bytes_ = 0;
};

}  // namespace dashi
