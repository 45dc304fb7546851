#include <bit>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/neighbour_codec.h"
#include "storage/rocksdb_check.h"

namespace dashi::storage {

namespace {

using Side = SetComparison::Side;
using Difference = SetComparison::Difference;

std::uint64_t KeyOf(Ordinal document, Ordinal label) {
  return static_cast<std::uint64_t>(ToInteger(document)) << 32U | ToInteger(label);
}

std::string PayloadOf(float weight) {
  return std::string(reinterpret_cast<const char*>(&weight), sizeof(weight));
}

EntityKind NodeKind(RelevanceSide side) {
  return side == RelevanceSide::kLabelsOfDocument ? EntityKind::kDocument : EntityKind::kLabel;
}

std::string_view ObjectOf(RelevanceSide side) {
  return side == RelevanceSide::kLabelsOfDocument ? "relevance by document" : "relevance by label";
}

using VisitPair =
    std::function<void(RelevanceSide side, Ordinal node, const RelevanceNeighbour& neighbour)>;

// Hands out the pairs of every list; `on_damage` gets what is no list.
Status VisitPairs(
    CheckRun* run, bool* complete, const VisitPair& visit,
    const std::function<void(std::string_view object, std::string detail)>& on_damage) {
  std::vector<RelevanceNeighbour> neighbours;
  return run->Walk(Family::kRelevance, "relevance", "", complete,
                   [&](std::string_view key, std::string_view value) {
                     RelevanceSide side{};
                     Ordinal node{};
                     if (!ParseRelevanceKey(key, &side, &node)) {
                       on_damage("relevance", fmt::format("a key of {} bytes", key.size()));
                     } else if (!DecodeNeighbours(value, &neighbours)) {
                       on_damage(ObjectOf(side), fmt::format("ordinal {}", ToInteger(node)));
                     } else {
                       for (const RelevanceNeighbour& neighbour : neighbours) {
                         visit(side, node, neighbour);
                       }
                     }
                     return Status::Ok();
                   });
}

// Checks that the two rows of a pair exist; each list answers for its neighbours, and for itself.
void CheckEnds(CheckRun* run, RelevanceSide side, Ordinal node,
               const RelevanceNeighbour& neighbour) {
  const EntityKind kind = NodeKind(side);
  const EntityKind other =
      kind == EntityKind::kDocument ? EntityKind::kLabel : EntityKind::kDocument;
  const CheckFindings& findings = run->findings();
  if (findings.KnowsRowsOf(kind) && !findings.RowsOf(kind).Contains(node)) {
    run->Report(ObjectOf(side), "a pair belongs to a row that does not exist",
                fmt::format("{} ordinal {}, {} {}", EntityTableName(kind), ToInteger(node),
                            EntityTableName(other), run->NameOf(other, neighbour.ordinal)));
  }
  if (findings.KnowsRowsOf(other) && !findings.RowsOf(other).Contains(neighbour.ordinal)) {
    run->Report(ObjectOf(side), "a pair leads to a row that does not exist",
                fmt::format("{} {}, {} ordinal {}", EntityTableName(kind), run->NameOf(kind, node),
                            EntityTableName(other), ToInteger(neighbour.ordinal)));
  }
  if (!std::isfinite(neighbour.weight)) {
    run->Report(ObjectOf(side), "a weight is not a finite number",
                fmt::format("{} {}", EntityTableName(kind), run->NameOf(kind, node)));
  }
}

void Route(
    RelevanceSide side, Ordinal node, const RelevanceNeighbour& neighbour,
    const std::function<void(Side side, std::uint64_t key, std::string_view payload)>& take) {
  const std::string payload = PayloadOf(neighbour.weight);
  if (side == RelevanceSide::kLabelsOfDocument) {
    take(Side::kLeft, KeyOf(node, neighbour.ordinal), payload);
  } else {
    take(Side::kRight, KeyOf(neighbour.ordinal, node), payload);
  }
}

// `other` is the difference of the other side for the same pair, if the sides differ in weight
// only.
void ReportDifference(CheckRun* run, const Difference& difference, bool in_weight) {
  const auto document = Ordinal{static_cast<std::uint32_t>(difference.key >> 32U)};
  const auto label = Ordinal{static_cast<std::uint32_t>(difference.key)};
  const std::string pair =
      fmt::format("document {}, label {}", run->NameOf(EntityKind::kDocument, document),
                  run->NameOf(EntityKind::kLabel, label));
  if (in_weight) {
    run->Report("relevance", "a pair has two weights", pair);
  } else if (difference.side == Side::kLeft) {
    run->Report("relevance by label", "a pair is missing that the document has", pair);
  } else {
    run->Report("relevance by document", "a pair is missing that the label has", pair);
  }
}

Status FindDifferences(CheckRun* run, SetComparison* comparison) {
  comparison->BeginSearch();
  bool complete = false;
  DASHI_RETURN_IF_ERROR(VisitPairs(
      run, &complete,
      [&](RelevanceSide side, Ordinal node, const RelevanceNeighbour& neighbour) {
        Route(side, node, neighbour, [&](Side of, std::uint64_t key, std::string_view payload) {
          comparison->Collect(of, key, payload);
        });
      },
      [](std::string_view, const std::string&) {}));
  const std::vector<Difference> differences = comparison->Differences();
  for (std::size_t i = 0; i < differences.size(); ++i) {
    const bool in_weight = i + 1 < differences.size() &&
                           differences[i + 1].key == differences[i].key &&
                           differences[i + 1].side != differences[i].side;
    ReportDifference(run, differences[i], in_weight);
    i += in_weight ? 1 : 0;
  }
  if (comparison->partial()) {
    run->Report("relevance", "there are more pairs in which the two directions differ",
                "the first were found; check again after they are repaired");
  }
  return Status::Ok();
}

}  // namespace

Status CheckRelevance(CheckRun* run) {
  SetComparison comparison;
  bool complete = false;
  bool readable = true;
  DASHI_RETURN_IF_ERROR(VisitPairs(
      run, &complete,
      [&](RelevanceSide side, Ordinal node, const RelevanceNeighbour& neighbour) {
        run->report().num_pairs += side == RelevanceSide::kLabelsOfDocument ? 1 : 0;
        CheckEnds(run, side, node, neighbour);
        Route(side, node, neighbour, [&](Side of, std::uint64_t key, std::string_view payload) {
          comparison.Add(of, key, payload);
        });
      },
      [&](std::string_view object, std::string detail) {
        readable = false;
        run->Report(object, "a neighbour list cannot be decoded", std::move(detail));
      }));
  if (!complete || !readable) {
    run->Note("the two directions of relevance were not compared: not all lists can be read");
    return Status::Ok();
  }
  return comparison.Equal() ? Status::Ok() : FindDifferences(run, &comparison);
}

}  // namespace dashi::storage
