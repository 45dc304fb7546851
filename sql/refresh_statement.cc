#include <cstdint>

#include "base/status.h"
#include "sql/database_impl.h"
#include "sql/own_columns.h"
#include "sql/own_statements.h"
#include "sql/progress_meter.h"
#include "storage/release_removal.h"

namespace dashi::sql {

StatementResult ExecuteOwnStatement(SessionState& session, const ParsedStatement& statement,
                                    const RefreshModelStatement& refresh) {
  DASHI_RETURN_IF_ERROR(RefuseInBlock(session, "REFRESH MODEL"));
  DASHI_RETURN_IF_ERROR(RequireWritable(session, "REFRESH MODEL"));
  query::ReleaseCache& releases = session.database.releases();
  DASHI_ASSIGN_OR_RETURN(const auto view, session.database.store().NewSnapshot());
  Result<std::shared_ptr<const query::ServingRelease>> release =
      releases.Resolve(*view, refresh.release.model, refresh.release.release);
  if (!release.ok()) {
    return statement.At(std::move(release).status(), refresh.release.offset);
  }
  ProgressMeter meter(session.on_progress, "REFRESH MODEL " + (*release)->Name());
  std::uint64_t done_before = 0;
  std::uint64_t total_before = 0;
  const auto report = [&](std::uint64_t done, std::uint64_t total) {
    if (done_before == 0 || done < done_before || total != total_before) {  // Another table's rows.
      meter.BeginPhase("embedding", "rows", total);
    }
    meter.Update(done);
    done_before = done;
    total_before = total;
  };
  DASHI_ASSIGN_OR_RETURN(
      const std::uint64_t num_rows,
      releases.refresher().Refresh(
          *view, **release, [&] { return session.interruption.ToStatus(); }, report));
  if (done_before > 0) {
    meter.EndPhase(done_before);
  }
  return Finished(
      "REFRESH MODEL", OwnColumns(refresh),
      {{Value::Text((*release)->Name()), Value::Integer(static_cast<std::int64_t>(num_rows))}});
}

}  // namespace dashi::sql
