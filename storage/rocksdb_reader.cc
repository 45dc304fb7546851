#include "storage/rocksdb_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/neighbour_codec.h"
#include "storage/rocksdb_cursors.h"
#include "storage/rocksdb_delta_embeddings.h"
#include "storage/rocksdb_index_cursor.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

Status DamagedId(EntityKind kind, std::string_view id) {
  return Status::Corruption(
      fmt::format("id cannot be decoded: {} id '{}'", EntityTableName(kind), id));
}

// Reads one catalog record with `decode`; nullopt when the key is absent.
template <typename Record>
Result<std::optional<Record>> GetRecord(const RocksdbReader& reader, Family family,
                                        const std::string& key, const std::string& shown,
                                        bool (*decode)(std::string_view, Record*)) {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found, reader.Get(family, key, &value));
  if (!found) {
    return std::optional<Record>();
  }
  Record record;
  if (!decode(value, &record)) {
    return Status::Corruption(fmt::format("catalog record cannot be decoded: {}", shown));
  }
  return std::optional<Record>(std::move(record));
}

template <typename Record>
Result<std::vector<Record>> ListRecords(KeyWalk walk, std::string_view table,
                                        bool (*decode)(std::string_view, Record*)) {
  std::vector<Record> records;
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk.Next());
    if (!more) {
      return records;
    }
    Record record;
    if (!decode(walk.value(), &record)) {
      return Status::Corruption(
          fmt::format("catalog record cannot be decoded: {} number {}", table, records.size() + 1));
    }
    records.push_back(std::move(record));
  }
}

std::string SideName(RelevanceSide side) {
  return side == RelevanceSide::kLabelsOfDocument ? "relevance by document" : "relevance by label";
}

}  // namespace

Status DamagedRow(std::string_view table, Ordinal ordinal) {
  return Status::Corruption(
      fmt::format("{} row with ordinal {} cannot be decoded", table, ToInteger(ordinal)));
}

KeyWalk::KeyWalk(std::unique_ptr<rocksdb::Iterator> stored, const PendingWrites* pending,
                 Family family, std::string_view prefix)
    : stored_(std::move(stored)), pending_(pending), family_(family), prefix_(prefix) {}

bool KeyWalk::StoredInRange() const {
  return stored_->Valid() && ToView(stored_->key()).starts_with(prefix_);
}

Result<bool> KeyWalk::Next() {
  if (!started_) {
    stored_->Seek(prefix_);
  }
  while (true) {
    if (stored_consumed_) {
      stored_->Next();
      stored_consumed_ = false;
    }
    if (!stored_->Valid() && !stored_->status().ok()) {
      return FromRocksdb(stored_->status(), fmt::format("reading {}", FamilyName(family_)));
    }
    const bool stored_valid = StoredInRange();
    const PendingWrites::Entry* entry = nullptr;
    if (pending_ != nullptr) {
      const PendingWrites::Entries& entries = pending_->entries(family_);
      const auto found = started_ ? entries.upper_bound(key_) : entries.lower_bound(prefix_);
      if (found != entries.end() && std::string_view(found->first).starts_with(prefix_) &&
          (!stored_valid || found->first <= ToView(stored_->key()))) {
        stored_consumed_ = stored_valid && found->first == ToView(stored_->key());
        key_ = found->first;
        entry = &found->second;
      }
    }
    started_ = true;
    if (entry != nullptr) {
      if (entry->value) {
        value_ = *entry->value;
        return true;
      }
      continue;  // Deleted by the transaction.
    }
    if (!stored_valid) {
      return false;
    }
    key_ = ToView(stored_->key());
    value_ = ToView(stored_->value());
    stored_consumed_ = true;
    return true;
  }
}

rocksdb::ReadOptions RocksdbReader::ReadOptions() const {
  rocksdb::ReadOptions options;
  options.snapshot = picture_.snapshot.get();
  return options;
}

KeyWalk RocksdbReader::Walk(Family family, std::string_view prefix, bool fill_cache) const {
  rocksdb::ReadOptions options = ReadOptions();
  options.fill_cache = fill_cache;
  options.total_order_seek = true;
  return KeyWalk(std::unique_ptr<rocksdb::Iterator>(
                     state_.engine->db()->NewIterator(options, state_.engine->family(family))),
                 pending_.writes, family, prefix);
}

Result<std::uint64_t> RocksdbReader::CountChanges() const {
  KeyWalk walk = Walk(Family::kChanges, "", /*fill_cache=*/false);
  for (std::uint64_t count = 0;; ++count) {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk.Next());
    if (!more) {
      return count;
    }
  }
}

Result<bool> RocksdbReader::GetStored(Family family, std::string_view key,
                                      std::string* value) const {
  const rocksdb::Status status =
      state_.engine->db()->Get(ReadOptions(), state_.engine->family(family), ToSlice(key), value);
  if (status.IsNotFound()) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(FromRocksdb(status, fmt::format("reading {}", FamilyName(family))));
  return true;
}

Result<bool> RocksdbReader::Get(Family family, std::string_view key, std::string* value) const {
  if (pending_.writes != nullptr) {
    if (const PendingWrites::Entry* entry = pending_.writes->Find(family, key)) {
      if (entry->value) {
        *value = *entry->value;
      }
      return entry->value.has_value();
    }
  }
  return GetStored(family, key, value);
}

Result<std::optional<Ordinal>> RocksdbReader::FindOrdinal(EntityKind kind,
                                                          std::string_view id) const {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found, Get(Family::kIds, IdKey(kind, id), &value));
  if (!found) {
    return std::optional<Ordinal>();
  }
  Ordinal ordinal{};
  if (!DecodeOrdinal(value, &ordinal)) {
    return DamagedId(kind, id);
  }
  return std::optional<Ordinal>(ordinal);
}

Status RocksdbReader::ScanIds(
    EntityKind kind, const std::function<bool(std::string_view id, Ordinal ordinal)>& visit) const {
  const std::string prefix = IdKey(kind, "");
  KeyWalk walk = Walk(Family::kIds, prefix, /*fill_cache=*/false);
  while (true) {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk.Next());
    if (!more) {
      return Status::Ok();
    }
    const std::string_view id = walk.key().substr(prefix.size());
    Ordinal ordinal{};
    if (!DecodeOrdinal(walk.value(), &ordinal)) {
      return DamagedId(kind, id);
    }
    if (!visit(id, ordinal)) {
      return Status::Ok();
    }
  }
}

Result<std::optional<EntityRow>> RocksdbReader::GetRow(EntityKind kind, Ordinal ordinal) const {
  std::string value;
  Result<bool> found = Get(RowFamily(kind), RowKey(ordinal), &value);
  if (!found.ok()) {
    return std::move(found).status().WithContext(
        fmt::format("{} row with ordinal {}", EntityTableName(kind), ToInteger(ordinal)));
  }
  if (!found.value()) {
    return std::optional<EntityRow>();
  }
  EntityRow row;
  if (!DecodeRow(value, &row)) {
    return DamagedRow(EntityTableName(kind), ordinal);
  }
  return std::optional<EntityRow>(std::move(row));
}

Result<std::vector<std::optional<EntityRow>>> RocksdbReader::GetRows(
    EntityKind kind, std::span<const Ordinal> ordinals) const {
  const Family family = RowFamily(kind);
  std::vector<std::optional<EntityRow>> rows(ordinals.size());
  // MultiGet of 7.8 may mix up values when a key is given twice: sorted and unique.
  std::vector<Ordinal> unique(ordinals.begin(), ordinals.end());
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  std::vector<std::string> keys;
  keys.reserve(unique.size());
  for (const Ordinal ordinal : unique) {
    keys.push_back(RowKey(ordinal));
  }
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  state_.engine->db()->MultiGet(ReadOptions(), state_.engine->family(family), slices.size(),
                                slices.data(), values.data(), statuses.data(),
                                /*sorted_input=*/true);
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto position = static_cast<std::size_t>(
        std::lower_bound(unique.begin(), unique.end(), ordinals[i]) - unique.begin());
    std::string_view value = ToView(values[position]);
    const PendingWrites::Entry* entry =
        pending_.writes == nullptr ? nullptr : pending_.writes->Find(family, keys[position]);
    if (entry != nullptr) {
      if (!entry->value) {
        continue;
      }
      value = *entry->value;
    } else if (statuses[position].IsNotFound()) {
      continue;
    } else if (!statuses[position].ok()) {
      return FromRocksdb(
          statuses[position],
          fmt::format("{} row with ordinal {}", EntityTableName(kind), ToInteger(ordinals[i])));
    }
    if (!DecodeRow(value, &rows[i].emplace())) {
      return DamagedRow(EntityTableName(kind), ordinals[i]);
    }
  }
  return rows;
}

std::unique_ptr<RowCursor> RocksdbReader::ScanRows(EntityKind kind) const {
  return NewRowCursor(Walk(RowFamily(kind), "", /*fill_cache=*/false), kind);
}

Result<std::vector<RelevanceNeighbour>> RocksdbReader::StoredNeighbours(RelevanceSide side,
                                                                        Ordinal ordinal) const {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found,
                         GetStored(Family::kRelevance, RelevanceKey(side, ordinal), &value));
  std::vector<RelevanceNeighbour> neighbours;
  if (found && !DecodeNeighbours(value, &neighbours)) {
    return DamagedRow(SideName(side), ordinal);
  }
  return neighbours;
}

Result<std::vector<RelevanceNeighbour>> RocksdbReader::LabelsOf(Ordinal document) const {
  DASHI_ASSIGN_OR_RETURN(std::vector<RelevanceNeighbour> stored,
                         StoredNeighbours(RelevanceSide::kLabelsOfDocument, document));
  if (pending_.relevance == nullptr) {
    return stored;
  }
  return ApplyChanges(stored, pending_.relevance->ChangesOfDocument(document));
}

Result<std::vector<RelevanceNeighbour>> RocksdbReader::DocumentsOf(Ordinal label) const {
  DASHI_ASSIGN_OR_RETURN(std::vector<RelevanceNeighbour> stored,
                         StoredNeighbours(RelevanceSide::kDocumentsOfLabel, label));
  if (pending_.relevance == nullptr) {
    return stored;
  }
  return ApplyChanges(stored, pending_.relevance->ChangesOfLabel(label));
}

Result<bool> RocksdbReader::HasStoredRelevance() const {
  return Walk(Family::kRelevance, "", /*fill_cache=*/true).Next();
}

std::unique_ptr<RelevanceCursor> RocksdbReader::ScanRelevance() const {
  return NewRelevanceCursor(
      Walk(Family::kRelevance, RelevancePrefix(RelevanceSide::kLabelsOfDocument),
           /*fill_cache=*/false),
      pending_.relevance);
}

Result<std::optional<ModelRecord>> RocksdbReader::GetModel(std::string_view name) const {
  return GetRecord<ModelRecord>(*this, Family::kMeta, ModelKey(name), fmt::format("model {}", name),
                                DecodeModel);
}

Result<std::vector<ModelRecord>> RocksdbReader::ListModels() const {
  return ListRecords<ModelRecord>(Walk(Family::kMeta, ModelPrefix(), true), "models", DecodeModel);
}

Result<std::optional<ReleaseRecord>> RocksdbReader::GetRelease(std::string_view model,
                                                               std::uint32_t number) const {
  return GetRecord<ReleaseRecord>(*this, Family::kMeta, ReleaseKey(model, number),
                                  fmt::format("release {}@{}", model, number), DecodeRelease);
}

Result<std::vector<ReleaseRecord>> RocksdbReader::ListReleases() const {
  return ListRecords<ReleaseRecord>(Walk(Family::kMeta, ReleasePrefix(), true), "releases",
                                    DecodeRelease);
}

Result<std::optional<GraphRecord>> RocksdbReader::GetGraph(std::string_view name) const {
  return GetRecord<GraphRecord>(*this, Family::kMeta, GraphKey(name), fmt::format("graph {}", name),
                                DecodeGraph);
}

Result<std::vector<GraphRecord>> RocksdbReader::ListGraphs() const {
  return ListRecords<GraphRecord>(Walk(Family::kMeta, GraphPrefix(), true), "graphs", DecodeGraph);
}

Result<std::optional<JobRecord>> RocksdbReader::GetJob(std::uint64_t id) const {
  return GetRecord<JobRecord>(*this, Family::kJobs, JobKey(id), fmt::format("job {}", id),
                              DecodeJob);
}

Result<std::vector<JobRecord>> RocksdbReader::ListJobs() const {
  return ListRecords<JobRecord>(Walk(Family::kJobs, "", true), "jobs", DecodeJob);
}

Result<std::vector<EvaluationRecord>> RocksdbReader::ListEvaluations() const {
  return ListRecords<EvaluationRecord>(Walk(Family::kEvaluations, "", true), "evaluations",
                                       DecodeEvaluation);
}

Result<std::optional<std::string>> RocksdbReader::GetSetting(std::string_view name) const {
  return GetRecord<std::string>(*this, Family::kMeta, SettingKey(name),
                                fmt::format("setting {}", name), DecodeSetting);
}

Result<std::shared_ptr<const SchemaRecord>> RocksdbReader::GetSchema(EntityKind kind) const {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found, Get(Family::kMeta, SchemaKey(kind), &value));
  return state_.schemas.Decode(kind, found ? value : std::string_view());
}

std::unique_ptr<IndexCursor> RocksdbReader::ScanIndex(std::uint32_t index,
                                                      const OrderedRange& range) const {
  rocksdb::ReadOptions options = ReadOptions();
  options.total_order_seek = true;
  return NewIndexCursor(std::unique_ptr<rocksdb::Iterator>(state_.engine->db()->NewIterator(
                            options, state_.engine->family(Family::kAttributes))),
                        pending_.writes, IndexKeys(index, range));
}

Result<std::uint64_t> RocksdbReader::EstimateIndexEntries(EntityKind kind, std::uint32_t index,
                                                          const OrderedRange& range) const {
  constexpr std::uint64_t kCountedMax = 256;
  const std::unique_ptr<IndexCursor> entries = ScanIndex(index, range);
  for (std::uint64_t count = 0; count < kCountedMax; ++count) {
    DASHI_ASSIGN_OR_RETURN(const bool more, entries->Next());
    if (!more) {
      return count;
    }
  }
  const IndexKeyRange wanted = IndexKeys(index, range);
  const IndexKeyRange all = IndexKeys(index, OrderedRange::All());
  const rocksdb::Range ranges[] = {{wanted.begin, wanted.end}, {all.begin, all.end}};
  std::uint64_t bytes[] = {0, 0};
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  DASHI_RETURN_IF_ERROR(
      FromRocksdb(state_.engine->db()->GetApproximateSizes(
                      options, state_.engine->family(Family::kAttributes), ranges, 2, bytes),
                  "estimating an index"));
  const double share =
      bytes[1] == 0 ? 1.0 : static_cast<double>(bytes[0]) / static_cast<double>(bytes[1]);
  const std::uint64_t rows = std::max(EstimateRows(kind), kCountedMax);
  const auto share_rows = static_cast<std::uint64_t>(share * static_cast<double>(rows));
  return std::clamp(share_rows, kCountedMax, rows);
}

Result<EmbeddingRecord> RocksdbReader::FindEmbeddings(
    std::uint64_t version, std::shared_ptr<rocksdb::ColumnFamilyHandle>* family) const {
  std::string value;
  bool found = false;
  if (picture_.embedding_families != nullptr) {
    const auto place = picture_.embedding_families->find(version);
    *family = place == picture_.embedding_families->end() ? nullptr : place->second;
  }
  if (*family != nullptr) {
    DASHI_ASSIGN_OR_RETURN(found, GetStored(Family::kMeta, EmbeddingRecordKey(version), &value));
  }
  if (!found) {  // A version that came after the picture.
    *family = state_.engine->EmbeddingFamily(version);
    DASHI_ASSIGN_OR_RETURN(found,
                           state_.engine->Get(Family::kMeta, EmbeddingRecordKey(version), &value));
  }
  if (!found || *family == nullptr) {
    return Status::NotFound(fmt::format("no such embedding version: {}", version));
  }
  EmbeddingRecord record;
  if (!DecodeEmbeddingRecord(value, &record)) {
    return Status::Corruption(
        fmt::format("catalog record cannot be decoded: embedding version {}", version));
  }
  return record;
}

Result<std::unique_ptr<EmbeddingCursor>> RocksdbReader::ScanDeltaEmbeddings(std::uint64_t version,
                                                                            EntityKind kind) const {
  std::shared_ptr<rocksdb::ColumnFamilyHandle> family;  // Sharers: the engine.
  DASHI_ASSIGN_OR_RETURN(const EmbeddingRecord record, FindEmbeddings(version, &family));
  return NewDeltaEmbeddingCursor(
      Walk(Family::kEmbeddingDelta, DeltaEmbeddingPrefix(version, kind), /*fill_cache=*/false),
      record);
}

Result<std::unique_ptr<EmbeddingCursor>> RocksdbReader::ScanEmbeddings(std::uint64_t version,
                                                                       EntityKind kind) const {
  std::shared_ptr<rocksdb::ColumnFamilyHandle> family;  // Sharers: the engine.
  DASHI_ASSIGN_OR_RETURN(const EmbeddingRecord record, FindEmbeddings(version, &family));
  return NewEmbeddingCursor(*state_.engine, std::move(family), record, kind);
}

}  // namespace dashi::storage
