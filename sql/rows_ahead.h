#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "sql/row_reader.h"

namespace dashi::sql {

/// Lets another thread read the rows that are asked for next, so that decoding a file and storing
/// its rows take two cores. Rows, errors and their order are those of the reader it was made of.
/// Rows go from thread to thread by pointer, and their memory back to be used again; `BytesOf(row)`
/// says about how much memory a row's texts take.
///
/// Threads: one thread at a time. Destroying it waits for the read that is under way.
/// Cost:    memory for six batches of 256 rows or 256 KiB, and for the row that goes beyond.
template <typename Row>
class RowsAhead {
 public:
  /// Errors: kResourceExhausted when no thread can be started.
  static Result<std::unique_ptr<RowsAhead>> Start(std::unique_ptr<RowReader<Row>> reader) {
    std::unique_ptr<RowsAhead> ahead(new RowsAhead(std::move(reader)));
    DASHI_RETURN_IF_ERROR(CatchAsStatus("start of a thread", [raw = ahead.get()] {
      raw->thread_ = std::thread([raw] { raw->Run(); });
    }));
    return ahead;
  }

  ~RowsAhead() {
    {
      const MutexLock lock(mutex_);
      stopped_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  RowsAhead(const RowsAhead&) = delete;
  RowsAhead& operator=(const RowsAhead&) = delete;

  /// As RowReader::Next. Gives the next row for `*row`, which is not null.
  Result<bool> Next(std::unique_ptr<Row>* row) {
    if (position_ == current_.size) {
      NextBatch();
    }
    Outcome& outcome = current_.outcomes[position_];
    if (IsLast(outcome)) {  // It stays, for a caller that asks again.
      (*row)->line = outcome.row->line;
    } else {
      std::swap(*row, outcome.row);
      ++position_;
    }
    if (!outcome.status.ok()) {
      return outcome.status;
    }
    return outcome.more;
  }

  std::uint64_t bytes_read() const { return current_.bytes_read; }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  static constexpr std::size_t kRowsPerBatch = 256;
  static constexpr std::size_t kBytesPerBatch = std::size_t{256} << 10;
  static constexpr std::size_t kBatchesMax = 4;

  /// What one call of Next came to.
  struct Outcome {
    std::unique_ptr<Row> row = std::make_unique<Row>();
    Status status;
    bool more = true;
  };

  struct Batch {
    std::vector<Outcome> outcomes;  ///< the first `size` count; the rest is memory to reuse
    std::size_t size = 0;
    std::uint64_t bytes_read = 0;
    bool last = false;
  };

  explicit RowsAhead(std::unique_ptr<RowReader<Row>> reader)
      : reader_(std::move(reader)), bytes_total_(reader_->bytes_total()) {}

  // A row's error (kInvalidArgument) may be followed by more rows; any other is the end.
  static bool IsLast(const Outcome& outcome) {
    return !outcome.more ||
           (!outcome.status.ok() && outcome.status.code() != StatusCode::kInvalidArgument);
  }

  void NextBatch() DASHI_EXCLUDES(mutex_) {
    position_ = 0;
    const MutexLock lock(mutex_);
    used_.push_back(std::move(current_));
    while (full_.empty()) {
      changed_.Wait(mutex_);
    }
    current_ = std::move(full_.front());
    full_.pop_front();
    changed_.NotifyAll();
  }

  // Waits for room. Returns false when nobody wants more.
  bool TakeEmpty(Batch* batch) DASHI_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (!stopped_ && full_.size() >= kBatchesMax) {
      changed_.Wait(mutex_);
    }
    if (!used_.empty()) {
      *batch = std::move(used_.back());
      used_.pop_back();
    }
    return !stopped_;
  }

  void Fill(Batch* batch) {
    batch->size = 0;
    for (std::size_t bytes = 0; batch->size < kRowsPerBatch && bytes < kBytesPerBatch;) {
      if (batch->size == batch->outcomes.size()) {
        batch->outcomes.emplace_back();
      }
      Outcome& outcome = batch->outcomes[batch->size++];
      Result<bool> more =
          CatchAsStatus("reading a file", [&] { return reader_->Next(outcome.row.get()); });
      outcome.more = more.ok() && *more;
      outcome.status = more.ok() ? Status() : std::move(more).status();
      outcome.more = outcome.more || !outcome.status.ok();
      batch->last = IsLast(outcome);
      // Who gives the rows may wait for what becomes of them, so an error does not.
      if (batch->last || !outcome.status.ok()) {
        break;
      }
      bytes += BytesOf(*outcome.row);
    }
    batch->bytes_read = reader_->bytes_read();
  }

  void Run() {
    Batch batch;
    while (!batch.last && TakeEmpty(&batch)) {
      Fill(&batch);
      const bool last = batch.last;
      const MutexLock lock(mutex_);
      full_.push_back(std::exchange(batch, {}));
      batch.last = last;
      changed_.NotifyAll();
    }
  }

  const std::unique_ptr<RowReader<Row>> reader_;  // of the thread, once it runs
  const std::uint64_t bytes_total_;
  Batch current_;  // of the caller
  std::size_t position_ = 0;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Batch> full_ DASHI_GUARDED_BY(mutex_);
  std::vector<Batch> used_ DASHI_GUARDED_BY(mutex_);
  bool stopped_ DASHI_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace dashi::sql
