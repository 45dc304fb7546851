#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "storage/view.h"

namespace dashi::sql {

/// The rows that a walk along an index names, read some at a time.
///
/// Threads: one thread at a time. Must not outlive its view.
class IndexedRows final : public storage::RowCursor {
 public:
  IndexedRows(const storage::View& view, storage::EntityKind kind,
              std::unique_ptr<storage::IndexCursor> entries);

  Result<bool> Next() override;
  storage::Ordinal ordinal() const override { return ordinals_[position_]; }
  const storage::EntityRow& row() const override { return *rows_[position_]; }

 private:
  Status Read();

  const storage::View& view_;
  storage::EntityKind kind_;
  std::unique_ptr<storage::IndexCursor> entries_;
  std::size_t rows_per_read_;
  bool at_end_ = false;
  std::vector<storage::Ordinal> ordinals_;
  std::vector<std::optional<storage::EntityRow>> rows_;  // [ordinals_.size()]
  std::size_t position_ = static_cast<std::size_t>(-1);
};

}  // namespace dashi::sql
