#include <fmt/format.h>

#include "base/status.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_embeddings.h"

namespace dashi::storage {

namespace {

// The exponent bits of a binary16 number; all of them are set in infinities and NaN.
constexpr std::uint16_t kHalfExponent = 0x7C00;

bool AllFinite(std::span<const std::uint16_t> values) {
  for (const std::uint16_t value : values) {
    if ((value & kHalfExponent) == kHalfExponent) {
      return false;
    }
  }
  return true;
}

Status CheckVersion(CheckRun* run, const EmbeddingRecord& record,
                    rocksdb::ColumnFamilyHandle* family) {
  const std::string object = EmbeddingFamilyName(record.version);
  std::vector<std::uint16_t> values(record.dim);
  std::uint64_t num_rows = 0;
  bool complete = false;
  DASHI_RETURN_IF_ERROR(run->WalkFamily(
      family, object, "", &complete, [&](std::string_view key, std::string_view value) {
        EntityKind kind{};
        Ordinal ordinal{};
        std::uint64_t text_hash = 0;
        ++num_rows;
        if (!ParseEmbeddingKey(key, &kind, &ordinal)) {
          run->Report(object, "a key is no kind and ordinal", fmt::format("{} bytes", key.size()));
          return Status::Ok();
        }
        const std::string row =
            fmt::format("{} ordinal {}", EntityTableName(kind), ToInteger(ordinal));
        if (!DecodeEmbedding(value, &text_hash, values)) {
          run->Report(object, "an embedding cannot be decoded",
                      fmt::format("{}: {} bytes, dim {}", row, value.size(), record.dim));
        } else if (!AllFinite(values)) {
          run->Report(object, "an embedding is not finite", row);
        } else if (ToInteger(ordinal) >= run->findings().RowsOf(kind).limit()) {
          run->Report(object, "an embedding's ordinal was never given", row);
        }
        return Status::Ok();
      }));
  run->report().num_embeddings += num_rows;
  if (complete && num_rows != record.num_rows) {
    run->Report(object, "the number of embeddings is not the recorded one",
                fmt::format("got {}, want {}", num_rows, record.num_rows));
  }
  return Status::Ok();
}

// Rows may be gone, and their texts others, but each must be one of a version that is there.
Status CheckDeltas(CheckRun* run) {
  constexpr std::string_view kObject = "emb_delta";
  bool complete = false;
  std::vector<std::uint16_t> values;
  return run->Walk(Family::kEmbeddingDelta, kObject, "", &complete,
                   [&](std::string_view key, std::string_view value) {
                     std::uint64_t version = 0;
                     EntityKind kind{};
                     Ordinal ordinal{};
                     std::uint64_t text_hash = 0;
                     if (!ParseDeltaEmbeddingKey(key, &version, &kind, &ordinal)) {
                       run->Report(kObject, "a key is no version, kind and ordinal",
                                   fmt::format("{} bytes", key.size()));
                       return Status::Ok();
                     }
                     const auto record = run->findings().embeddings.find(version);
                     if (record == run->findings().embeddings.end()) {
                       return Status::Ok();  // Of a version that was just dropped, or that the next
                                             // open removes.
                     }
                     ++run->report().num_embeddings;
                     values.resize(record->second.dim);
                     const std::string row = fmt::format("version {}, {} ordinal {}", version,
                                                         EntityTableName(kind), ToInteger(ordinal));
                     if (!DecodeEmbedding(value, &text_hash, values)) {
                       run->Report(kObject, "an embedding cannot be decoded",
                                   fmt::format("{}: {} bytes", row, value.size()));
                     } else if (!AllFinite(values)) {
                       run->Report(kObject, "an embedding is not finite", row);
                     }
                     return Status::Ok();
                   });
}

}  // namespace

Status CheckEmbeddings(CheckRun* run) {
  const auto& families = run->embedding_families();
  for (const auto& [version, record] : run->findings().embeddings) {
    const auto family = families.find(version);
    if (family == families.end()) {
      run->Report(EmbeddingFamilyName(version), "the embeddings of a record are missing",
                  fmt::format("version {}", version));
      continue;
    }
    DASHI_RETURN_IF_ERROR(CheckVersion(run, record, family->second.get()));
  }
  for (const auto& [version, family] : families) {
    if (!run->findings().embeddings.contains(version)) {
      run->Note(fmt::format("embeddings without a record, which the next open removes: {}",
                            EmbeddingFamilyName(version)));
    }
  }
  return CheckDeltas(run);
}

}  // namespace dashi::storage
