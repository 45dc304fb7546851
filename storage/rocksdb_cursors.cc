#include "storage/rocksdb_cursors.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/catalog_codec.h"
#include "storage/neighbour_codec.h"
#include "storage/rocksdb_embeddings.h"
#include "storage/rocksdb_status.h"
#include "storage/row_codec.h"

namespace dashi::storage {

namespace {

class RocksdbRowCursor : public RowCursor {
 public:
  RocksdbRowCursor(KeyWalk walk, EntityKind kind) : walk_(std::move(walk)), kind_(kind) {}

  Result<bool> Next() override {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk_.Next());
    if (!more) {
      return false;
    }
    if (!ParseRowKey(walk_.key(), &ordinal_)) {
      return Status::Corruption(fmt::format("{} has a key that is no ordinal: {} bytes",
                                            EntityTableName(kind_), walk_.key().size()));
    }
    if (!DecodeRow(walk_.value(), &row_)) {
      return DamagedRow(EntityTableName(kind_), ordinal_);
    }
    return true;
  }
  Ordinal ordinal() const override { return ordinal_; }
  const EntityRow& row() const override { return row_; }

 private:
  KeyWalk walk_;
  EntityKind kind_;
  Ordinal ordinal_{};
  EntityRow row_;
};

// Merges the stored lists with the pending pairs, which may change during the walk.
class RocksdbRelevanceCursor : public RelevanceCursor {
 public:
  RocksdbRelevanceCursor(KeyWalk walk, const PendingRelevance* pending)
      : walk_(std::move(walk)), pending_(pending) {}

  Result<bool> Next() override {
    while (true) {
      if (!stored_read_ && !stored_ended_) {
        DASHI_RETURN_IF_ERROR(ReadStored());
      }
      const std::optional<Ordinal> pending = NextPending();
      if (stored_ended_ && !pending) {
        return false;
      }
      const bool take_stored = !stored_ended_ && (!pending || stored_document_ <= *pending);
      document_ = take_stored ? stored_document_ : *pending;
      if (take_stored) {
        stored_read_ = false;
      }
      visited_ = true;
      if (pending == document_) {
        const std::vector<NeighbourChange> changes = pending_->ChangesOfDocument(document_);
        labels_ = take_stored ? ApplyChanges(stored_labels_, changes) : ApplyChanges({}, changes);
      } else {
        labels_ = std::move(stored_labels_);
      }
      if (!labels_.empty()) {
        return true;
      }
    }
  }
  Ordinal document() const override { return document_; }
  const std::vector<RelevanceNeighbour>& labels() const override { return labels_; }

 private:
  Status ReadStored() {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk_.Next());
    if (!more) {
      stored_ended_ = true;
      return Status::Ok();
    }
    RelevanceSide side{};
    if (!ParseRelevanceKey(walk_.key(), &side, &stored_document_)) {
      return Status::Corruption("relevance has a key that is no ordinal");
    }
    if (!DecodeNeighbours(walk_.value(), &stored_labels_)) {
      return DamagedRow("relevance by document", stored_document_);
    }
    stored_read_ = true;
    return Status::Ok();
  }

  std::optional<Ordinal> NextPending() const {
    if (pending_ == nullptr) {
      return std::nullopt;
    }
    const PendingRelevance::Sides& sides = pending_->by_document();
    const auto found = visited_ ? sides.upper_bound(document_) : sides.begin();
    return found == sides.end() ? std::nullopt : std::optional<Ordinal>(found->first);
  }

  KeyWalk walk_;
  const PendingRelevance* pending_;
  bool stored_read_ = false;  // stored_document_ waits to be visited
  bool stored_ended_ = false;
  bool visited_ = false;
  Ordinal stored_document_{};
  std::vector<RelevanceNeighbour> stored_labels_;
  Ordinal document_{};
  std::vector<RelevanceNeighbour> labels_;
};

class RocksdbEmbeddingCursor : public EmbeddingCursor {
 public:
  RocksdbEmbeddingCursor(std::shared_ptr<rocksdb::ColumnFamilyHandle> family,
                         std::unique_ptr<rocksdb::Iterator> iterator, const EmbeddingRecord& record,
                         EntityKind kind)
      : family_(std::move(family)),
        iterator_(std::move(iterator)),
        version_(record.version),
        kind_(kind),
        values_(record.dim) {}

  Result<bool> Next() override {
    if (started_) {
      iterator_->Next();
    } else {
      iterator_->Seek(std::string(1, static_cast<char>(kind_)));
      started_ = true;
    }
    if (!iterator_->Valid()) {
      DASHI_RETURN_IF_ERROR(
          FromRocksdb(iterator_->status(), fmt::format("reading embeddings {}", version_)));
      return false;
    }
    EntityKind kind{};
    if (!ParseEmbeddingKey(ToView(iterator_->key()), &kind, &ordinal_)) {
      return Status::Corruption(
          fmt::format("embeddings {} have a key that is no ordinal", version_));
    }
    if (kind != kind_) {
      return false;
    }
    if (!DecodeEmbedding(ToView(iterator_->value()), &text_hash_, values_)) {
      return DamagedRow(fmt::format("embeddings {} of {}", version_, EntityTableName(kind_)),
                        ordinal_);
    }
    return true;
  }
  Ordinal ordinal() const override { return ordinal_; }
  std::uint64_t text_hash() const override { return text_hash_; }
  std::span<const std::uint16_t> values() const override { return values_; }

 private:
  std::shared_ptr<rocksdb::ColumnFamilyHandle> family_;  // Sharers: the engine, until a drop.
  std::unique_ptr<rocksdb::Iterator> iterator_;
  std::uint64_t version_;
  EntityKind kind_;
  bool started_ = false;
  Ordinal ordinal_{};
  std::uint64_t text_hash_ = 0;
  std::vector<std::uint16_t> values_;
};

}  // namespace

std::unique_ptr<RowCursor> NewRowCursor(KeyWalk walk, EntityKind kind) {
  return std::make_unique<RocksdbRowCursor>(std::move(walk), kind);
}

std::unique_ptr<RelevanceCursor> NewRelevanceCursor(KeyWalk walk, const PendingRelevance* pending) {
  return std::make_unique<RocksdbRelevanceCursor>(std::move(walk), pending);
}

std::unique_ptr<EmbeddingCursor> NewEmbeddingCursor(
    const RocksdbEngine& engine, std::shared_ptr<rocksdb::ColumnFamilyHandle> family,
    const EmbeddingRecord& record, EntityKind kind) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.readahead_size = std::size_t{2} << 20;
  std::unique_ptr<rocksdb::Iterator> iterator(engine.db()->NewIterator(options, family.get()));
  return std::make_unique<RocksdbEmbeddingCursor>(std::move(family), std::move(iterator), record,
                                                  kind);
}

}  // namespace dashi::storage
