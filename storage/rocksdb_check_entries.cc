#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"
#include "storage/index_entries.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

using Side = SetComparison::Side;

constexpr std::array kIndexedKinds = {EntityKind::kDocument, EntityKind::kLabel};

/// An index as the picture has it.
struct CheckedIndex {
  EntityKind kind;
  IndexRecord index;
  ColumnRecord column;
  /// Rows below it have their entries; the build of the index has not come to the others yet.
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};

std::uint64_t KeyOf(std::uint32_t index, Ordinal ordinal) {
  return std::uint64_t{index} << 32U | ToInteger(ordinal);
}

/// The indexes of one picture: what their entries say against what the rows say.
class EntryCheck {
 public:
  explicit EntryCheck(CheckRun* run) : run_(run) {}

  Status Run() {
    if (const Status read = ReadIndexes(); !read.ok()) {
      run_->Note(fmt::format("index entries were not compared with rows: {}", read.message()));
      return Status::Ok();
    }
    bool entries_complete = false;
    bool rows_complete = true;
    const auto add = [this](Side side, std::uint64_t key, std::string_view payload) {
      comparison_.Add(side, key, payload);
    };
    DASHI_RETURN_IF_ERROR(VisitEntries(&entries_complete, /*report=*/true, add));
    DASHI_RETURN_IF_ERROR(VisitRows(&rows_complete, add));
    if (!entries_complete || !rows_complete) {
      run_->Note("index entries were not compared with rows: not all of them can be read");
      return Status::Ok();
    }
    return comparison_.Equal() ? Status::Ok() : FindDifferences();
  }

 private:
  using Compare = std::function<void(Side side, std::uint64_t key, std::string_view payload)>;

  // Reads the picture, not the catalog of this moment: rows and entries are those of the picture.
  Status ReadIndexes() {
    const RocksdbReader reader(run_->state(), run_->picture(), {});
    for (const EntityKind kind : kIndexedKinds) {
      DASHI_ASSIGN_OR_RETURN(const auto schema, reader.GetSchema(kind));
      for (const IndexRecord& index : schema->indexes) {
        const ColumnRecord* column = schema->FindColumn(index.column);
        if (column == nullptr) {
          run_->Report(EntityTableName(kind), "an index has no column", index.name);
          continue;
        }
        CheckedIndex checked{kind, index, *column};
        if (index.state == IndexState::kBuilding) {
          DASHI_ASSIGN_OR_RETURN(checked.limit, ReadBuildPosition(index.number));
        }
        indexes_.push_back(std::move(checked));
      }
    }
    return Status::Ok();
  }

  Result<std::uint64_t> ReadBuildPosition(std::uint32_t index) const {
    std::string value;
    const rocksdb::Status got = run_->state().engine->db()->Get(
        run_->PictureOptions(), run_->state().engine->family(Family::kMeta), IndexBuildKey(index),
        &value);
    std::uint64_t position = 0;
    if (got.IsNotFound()) {
      return position;
    }
    DASHI_RETURN_IF_ERROR(FromRocksdb(got, "reading meta"));
    return DecodeCounter(value, &position)
               ? Result<std::uint64_t>(position)
               : Status::Corruption("meta has a counter that cannot be decoded");
  }

  const CheckedIndex* Find(std::uint32_t number) const {
    const auto found =
        std::find_if(indexes_.begin(), indexes_.end(),
                     [&](const CheckedIndex& checked) { return checked.index.number == number; });
    return found == indexes_.end() ? nullptr : &*found;
  }

  Status VisitEntries(bool* complete, bool report, const Compare& compare) {
    return run_->Walk(Family::kAttributes, "attributes", "", complete,
                      [&](std::string_view key, std::string_view /*value*/) {
                        VisitEntry(key, report, compare);
                        return Status::Ok();
                      });
  }

  void VisitEntry(std::string_view key, bool report, const Compare& compare) {
    std::uint32_t number = 0;
    Ordinal ordinal{};
    if (!ParseIndexEntryKey(key, &number, &ordinal)) {
      if (report) {
        run_->Report("attributes", "a key is no index entry", fmt::format("{} bytes", key.size()));
      }
    } else if (const CheckedIndex* checked = Find(number)) {
      if (ToInteger(ordinal) < checked->limit) {
        compare(Side::kRight, KeyOf(number, ordinal), key);
      }
    } else if (report && strangers_.insert(number).second && !IsBeingRemoved(number)) {
      run_->Report("attributes", "entries of an index that does not exist",
                   fmt::format("index number {}", number));
    }
  }

  bool IsBeingRemoved(std::uint32_t number) const {
    std::string value;
    return run_->state()
        .engine->db()
        ->Get(run_->PictureOptions(), run_->state().engine->family(Family::kMeta),
              IndexCleanupKey(number), &value)
        .ok();
  }

  Status VisitRows(bool* complete, const Compare& compare) {
    for (const EntityKind kind : kIndexedKinds) {
      if (std::none_of(indexes_.begin(), indexes_.end(),
                       [&](const CheckedIndex& checked) { return checked.kind == kind; })) {
        continue;
      }
      bool all = false;
      DASHI_RETURN_IF_ERROR(run_->Walk(RowFamily(kind), EntityTableName(kind), "", &all,
                                       [&](std::string_view key, std::string_view value) {
                                         VisitRow(kind, key, value, compare);
                                         return Status::Ok();
                                       }));
      *complete = *complete && all;
    }
    return Status::Ok();
  }

  // Rows that cannot be decoded were reported when the rows were checked.
  void VisitRow(EntityKind kind, std::string_view key, std::string_view value,
                const Compare& compare) {
    Ordinal ordinal{};
    if (!ParseRowKey(key, &ordinal) || !DecodeRow(value, &row_)) {
      return;
    }
    for (const CheckedIndex& checked : indexes_) {
      if (checked.kind == kind && ToInteger(ordinal) < checked.limit) {
        compare(Side::kLeft, KeyOf(checked.index.number, ordinal),
                IndexEntryOf(checked.index, checked.column, ordinal, row_));
      }
    }
  }

  Status FindDifferences() {
    comparison_.BeginSearch();
    const auto collect = [this](Side side, std::uint64_t key, std::string_view payload) {
      comparison_.Collect(side, key, payload);
    };
    bool complete = true;
    DASHI_RETURN_IF_ERROR(VisitEntries(&complete, /*report=*/false, collect));
    DASHI_RETURN_IF_ERROR(VisitRows(&complete, collect));
    for (const SetComparison::Difference& difference : comparison_.Differences()) {
      const CheckedIndex* checked = Find(static_cast<std::uint32_t>(difference.key >> 32U));
      const auto ordinal = Ordinal{static_cast<std::uint32_t>(difference.key)};
      run_->Report(
          EntityTableName(checked->kind),
          difference.side == Side::kLeft ? "an index has no entry for a row's value"
                                         : "an index has an entry that no row has",
          fmt::format("index {}, {}", checked->index.name, run_->NameOf(checked->kind, ordinal)));
    }
    if (comparison_.partial()) {
      run_->Report("attributes", "there are more index entries that do not match",
                   "the first were found; check again after they are repaired");
    }
    return Status::Ok();
  }

  CheckRun* run_;
  SetComparison comparison_;
  std::vector<CheckedIndex> indexes_;
  std::set<std::uint32_t> strangers_;
  EntityRow row_;
};

}  // namespace

Status CheckIndexEntries(CheckRun* run) { return EntryCheck(run).Run(); }

}  // namespace dashi::storage
