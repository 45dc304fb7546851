#include "sql/setting_statements.h"

#include <string>
#include <string_view>
#include <utility>

#include "base/nearest_name.h"
#include "base/status.h"
#include "sql/own_columns.h"

namespace dashi::sql {

StatementResult ExecuteShowSetting(SessionState& session, const ParsedStatement& statement,
                                   const ShowSettingStatement& show) {
  Result<std::string> value = session.settings.Get(show.name);
  if (!value.ok()) {
    // It may have been one of the lists.
    static constexpr std::string_view kLists[] = {"tables", "models",  "releases", "jobs",
                                                  "graphs", "indexes", "columns",  "settings",
                                                  "memory", "roles"};
    const std::string_view nearest = NearestName(show.name, kLists);
    Status status = std::move(value).status();
    if (!nearest.empty() && !status.hint().starts_with("Did you mean")) {
      status = std::move(status).WithHint("Did you mean SHOW " + std::string(nearest) + "?");
    }
    return statement.At(std::move(status), show.offset);
  }
  return Finished("SHOW", OwnColumns(show), {{Value::Text(std::move(*value))}});
}

StatementResult ExecuteSet(SessionState& session, const ParsedStatement& statement,
                           const SetStatement& set) {
  const Result<std::string> before = session.settings.Get(set.name);
  Status changed = before.ok() ? session.settings.Set(set.name, set.value) : before.status();
  if (!changed.ok()) {
    return statement.At(std::move(changed), set.offset);
  }
  if (set.local && session.block.active()) {
    session.local_settings.insert(session.local_settings.begin(), {set.name, *before});
  } else if (set.local) {
    DASHI_RETURN_IF_ERROR(session.settings.Set(set.name, *before));
    return Finished("SET", {"SET LOCAL has no effect outside a transaction block"});
  }
  return Finished("SET");
}

StatementResult ExecuteReset(SessionState& session, const ParsedStatement& statement,
                             const ResetStatement& reset) {
  if (!reset.name) {
    session.settings.ResetAll();
    return Finished("RESET");
  }
  Status changed = session.settings.Set(*reset.name, std::nullopt);
  if (!changed.ok()) {
    return statement.At(std::move(changed), reset.offset);
  }
  return Finished("RESET");
}

}  // namespace dashi::sql
