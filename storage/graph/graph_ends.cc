#include "storage/graph/graph_ends.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/row_check.h"

namespace dashi::storage {

namespace {

constexpr std::int64_t kMicrosPerDay = std::int64_t{86'400} * 1'000'000;

std::string NamesOf(const std::vector<EntityKind>& tables) {
  std::string names;
  for (const EntityKind table : tables) {
    names += names.empty() ? "" : ", ";
    names += EntityTableName(table);
  }
  return names;
}

}  // namespace

Status NoSuchEnd(const GraphRecord& graph, EdgeSide side, std::string_view id) {
  return Status::NotFound(
             fmt::format("no {} with id '{}' in {}, which graph \"{}\" {}",
                         side == EdgeSide::kOut ? "source" : "target",
                         IsUtf8(id) ? id : "(not UTF-8)",
                         NamesOf(side == EdgeSide::kOut ? graph.sources : graph.targets),
                         graph.name, side == EdgeSide::kOut ? "leads from" : "leads to"))
      .WithSqlState("23503");
}

std::uint32_t DayOf(std::int64_t micros) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(micros / kMicrosPerDay, 0, UINT32_MAX));
}

Status CheckEventDay(const GraphRecord& graph, std::uint32_t day, std::uint32_t last_day) {
  if (std::uint64_t{day} + graph.event_days >= last_day) {
    return Status::Ok();
  }
  return Status::InvalidArgument(
             fmt::format("the event is more than {} days older than the last one of graph \"{}\": "
                         "whether it was counted is not known any more",
                         graph.event_days, graph.name))
      .WithSqlState("22008");
}

}  // namespace dashi::storage
