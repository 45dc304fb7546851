#include "index/row_set.h"

#include <roaring/roaring.hh>

namespace dashi::index {

struct RowSet::Bitmap {
  Roaring rows;
};

RowSet::RowSet() : bitmap_(std::make_unique<Bitmap>()) {}
RowSet::~RowSet() = default;
RowSet::RowSet(RowSet&&) noexcept = default;
RowSet& RowSet::operator=(RowSet&&) noexcept = default;

void RowSet::Add(std::uint32_t row) { bitmap_->rows.add(row); }

void RowSet::IntersectWith(const RowSet& other) { bitmap_->rows &= other.bitmap_->rows; }

bool RowSet::Contains(std::uint32_t row) const { return bitmap_->rows.contains(row); }

std::size_t RowSet::size() const { return static_cast<std::size_t>(bitmap_->rows.cardinality()); }

struct RowSet::Reader::Place {
  Roaring::const_iterator next;
  Roaring::const_iterator end;
};

RowSet::Reader::Reader(const RowSet& rows)
    : place_(std::make_unique<Place>(Place{rows.bitmap_->rows.begin(), rows.bitmap_->rows.end()})) {
}
RowSet::Reader::~Reader() = default;

bool RowSet::Reader::at_end() const { return place_->next == place_->end; }
std::uint32_t RowSet::Reader::row() const { return *place_->next; }
void RowSet::Reader::Next() { ++place_->next; }
void RowSet::Reader::Seek(std::uint32_t row) { place_->next.equalorlarger(row); }

}  // namespace dashi::index
