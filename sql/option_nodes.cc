#include "sql/option_nodes.h"

#include <string_view>
#include <utility>

namespace dashi::sql {

storage::OptionMap ToOptionMap(const std::vector<OptionNode>& nodes) {
  storage::OptionMap options;
  for (const OptionNode& node : nodes) {
    options[node.name] = node.value;
  }
  return options;
}

Status AtOption(const ParsedStatement& statement, Status status,
                const std::vector<OptionNode>& nodes) {
  const OptionNode* named = nullptr;
  for (const OptionNode& node : nodes) {
    const bool found = status.message().find(node.name) != std::string_view::npos;
    if (found && (named == nullptr || node.name.size() > named->name.size())) {
      named = &node;
    }
  }
  return named == nullptr ? status : statement.At(std::move(status), named->offset);
}

}  // namespace dashi::sql
