#include "storage/change_codec.h"

#include <algorithm>
#include <utility>

#include "base/byte_codec.h"

namespace dashi::storage {

namespace {

constexpr std::uint8_t kChangesFormat = 1;

static_assert(static_cast<int>(ChangedTable::kEdges) == 5);
static_assert(static_cast<int>(ChangeOperation::kDelete) == 3);

std::uint64_t End(const ChangeRun& run) {
  return static_cast<std::uint64_t>(ToInteger(run.first)) + run.count;
}

// Sorts runs and joins those that touch or overlap.
std::vector<ChangeRun> Normalised(std::vector<ChangeRun> runs) {
  std::sort(runs.begin(), runs.end(), [](const ChangeRun& a, const ChangeRun& b) {
    return ToInteger(a.first) < ToInteger(b.first);
  });
  std::vector<ChangeRun> joined;
  for (const ChangeRun& run : runs) {
    if (!joined.empty() && ToInteger(run.first) <= End(joined.back())) {
      const std::uint64_t end = std::max(End(joined.back()), End(run));
      joined.back().count = static_cast<std::uint32_t>(end - ToInteger(joined.back().first));
    } else {
      joined.push_back(run);
    }
  }
  return joined;
}

bool ReadGroup(ByteReader* reader, std::vector<ChangeRun>* runs) {
  std::uint8_t table = 0;
  std::uint8_t operation = 0;
  std::uint64_t count = 0;
  if (!reader->ReadByte(&table) || table < 1 || table > 5 || !reader->ReadByte(&operation) ||
      operation < 1 || operation > 3 || !reader->ReadVarint(&count) ||
      count > reader->rest().size() / 2) {
    return false;
  }
  constexpr std::uint64_t kOrdinalEnd = std::uint64_t{1} << 32U;
  std::uint64_t position = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t gap = 0;
    std::uint64_t length = 0;
    if (!reader->ReadVarint(&gap) || gap > kOrdinalEnd || !reader->ReadVarint(&length) ||
        length == 0 || length >= kOrdinalEnd || position + gap + length > kOrdinalEnd) {
      return false;
    }
    position += gap;
    runs->push_back({static_cast<ChangedTable>(table), static_cast<ChangeOperation>(operation),
                     Ordinal{static_cast<std::uint32_t>(position)},
                     static_cast<std::uint32_t>(length)});
    position += length;
  }
  return true;
}

}  // namespace

void ChangeSet::Add(ChangedTable table, ChangeOperation operation, Ordinal ordinal) {
  std::vector<ChangeRun>& runs = runs_[{table, operation}];
  if (!runs.empty() && End(runs.back()) == ToInteger(ordinal)) {
    ++runs.back().count;
  } else if (runs.empty() || runs.back().count != 1 || runs.back().first != ordinal) {
    runs.push_back({table, operation, ordinal, 1});
    if (runs.size() >= num_runs_max_) {
      runs = Normalised(std::move(runs));
      num_runs_max_ = std::max(kNumRunsFirstMax, 2 * runs.size());
    }
  }
}

std::string ChangeSet::Encode() const {
  std::string bytes(1, static_cast<char>(kChangesFormat));
  for (const auto& [group, unsorted] : runs_) {
    const std::vector<ChangeRun> runs = Normalised(unsorted);
    bytes.push_back(static_cast<char>(group.first));
    bytes.push_back(static_cast<char>(group.second));
    AppendVarint(&bytes, runs.size());
    std::uint64_t position = 0;
    for (const ChangeRun& run : runs) {
      AppendVarint(&bytes, ToInteger(run.first) - position);
      AppendVarint(&bytes, run.count);
      position = End(run);
    }
  }
  return bytes;
}

bool DecodeChanges(std::string_view bytes, std::vector<ChangeRun>* runs) {
  runs->clear();
  ByteReader reader(bytes);
  std::uint8_t format = 0;
  if (!reader.ReadByte(&format) || format != kChangesFormat) {
    return false;
  }
  while (!reader.empty()) {
    if (!ReadGroup(&reader, runs)) {
      return false;
    }
  }
  return true;
}

}  // namespace dashi::storage
