#include "storage/rocksdb_index_cursor.h"

#include <iterator>
#include <utility>

#include "base/status.h"
#include "storage/key_codec.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

namespace {

class RocksdbIndexCursor : public IndexCursor {
 public:
  RocksdbIndexCursor(std::unique_ptr<rocksdb::Iterator> stored, const PendingWrites* pending,
                     IndexKeyRange range)
      : stored_(std::move(stored)), pending_(pending), range_(std::move(range)) {}

  Result<bool> Next() override {
    for (;;) {
      Advance();
      if (!stored_->Valid()) {
        DASHI_RETURN_IF_ERROR(FromRocksdb(stored_->status(), "reading attributes"));
      }
      const bool has_stored = stored_->Valid() && InRange(ToView(stored_->key()));
      const PendingWrites::Entries::value_type* pending = NextPending();
      started_ = true;
      const bool take_pending =
          pending != nullptr &&
          (!has_stored || !ComesBefore(ToView(stored_->key()), pending->first));
      if (!take_pending && !has_stored) {
        return false;
      }
      if (take_pending) {
        stored_consumed_ = has_stored && ToView(stored_->key()) == pending->first;
        key_ = pending->first;
        if (!pending->second.value) {
          continue;  // Removed by the transaction.
        }
      } else {
        key_ = ToView(stored_->key());
        stored_consumed_ = true;
      }
      return ParseIndexEntryOrdinal(key_, &ordinal_)
                 ? Result<bool>(true)
                 : Status::Corruption("attributes has a key that is no index entry");
    }
  }

  Ordinal ordinal() const override { return ordinal_; }

 private:
  bool InRange(std::string_view key) const { return key >= range_.begin && key < range_.end; }
  bool ComesBefore(std::string_view a, std::string_view b) const {
    return range_.descending ? a > b : a < b;
  }

  // Moves the iterator to the first key, or past the one that was taken.
  void Advance() {
    if (!started_ && range_.descending) {
      stored_->SeekForPrev(range_.end);
      if (stored_->Valid() && ToView(stored_->key()) == range_.end) {
        stored_->Prev();
      }
    } else if (!started_) {
      stored_->Seek(range_.begin);
    } else if (stored_consumed_) {
      range_.descending ? stored_->Prev() : stored_->Next();
    }
    stored_consumed_ = false;
  }

  const PendingWrites::Entries::value_type* NextPending() const {
    if (pending_ == nullptr) {
      return nullptr;
    }
    const PendingWrites::Entries& entries = pending_->entries(Family::kAttributes);
    auto found = entries.end();
    if (range_.descending) {
      found = entries.lower_bound(started_ ? key_ : range_.end);
      if (found == entries.begin()) {
        return nullptr;
      }
      found = std::prev(found);
    } else {
      found = started_ ? entries.upper_bound(key_) : entries.lower_bound(range_.begin);
    }
    return found != entries.end() && InRange(found->first) ? &*found : nullptr;
  }

  std::unique_ptr<rocksdb::Iterator> stored_;
  const PendingWrites* pending_;
  const IndexKeyRange range_;
  std::string key_;
  Ordinal ordinal_{};
  bool started_ = false;
  bool stored_consumed_ = false;
};

}  // namespace

IndexKeyRange IndexKeys(std::uint32_t index, const OrderedRange& range) {
  const std::string prefix = IndexPrefix(index);
  return {prefix + range.lower, range.upper ? PrefixEnd(prefix + *range.upper) : PrefixEnd(prefix),
          range.descending};
}

std::unique_ptr<IndexCursor> NewIndexCursor(std::unique_ptr<rocksdb::Iterator> stored,
                                            const PendingWrites* pending, IndexKeyRange range) {
  return std::make_unique<RocksdbIndexCursor>(std::move(stored), pending, std::move(range));
}

}  // namespace dashi::storage
