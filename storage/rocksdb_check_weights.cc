#include <set>

#include <fmt/format.h>

#include "base/byte_codec.h"
#include "base/status.h"
#include "storage/file_checksum.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_weights.h"

namespace dashi::storage {

namespace {

// Takes the checksums of the blobs in one walk: the chunks of a generation stand together.
class WeightsCheck {
 public:
  explicit WeightsCheck(CheckRun* run) : run_(run) {
    for (const auto& [name, record] : run->findings().weights) {
      names_[record.generation] = name;
    }
  }

  Status Run() {
    bool complete = false;
    DASHI_RETURN_IF_ERROR(run_->Walk(Family::kWeights, "weights", "", &complete,
                                     [this](std::string_view key, std::string_view value) {
                                       Visit(key, value);
                                       return Status::Ok();
                                     }));
    FinishBlob();
    for (const auto& [generation, name] : names_) {
      if (complete && !seen_.contains(generation) && run_->findings().weights.at(name).size > 0) {
        run_->Report("weights", "a blob is missing", name);
      }
    }
    return Status::Ok();
  }

 private:
  void Visit(std::string_view key, std::string_view value) {
    ByteReader reader(key);
    std::uint64_t generation = 0;
    std::uint32_t chunk = 0;
    if (!reader.ReadBigEndian64(&generation) || !reader.ReadBigEndian32(&chunk) ||
        !reader.empty()) {
      run_->Report("weights", "a key is no generation and chunk",
                   fmt::format("{} bytes", key.size()));
      return;
    }
    if (!stream_ || generation != generation_) {
      FinishBlob();
      stream_ = std::make_unique<ChecksumStream>();
      generation_ = generation;
      size_ = 0;
      num_chunks_ = 0;
      readable_ = true;
    }
    std::string_view bytes;
    readable_ = readable_ && chunk == num_chunks_ && DecodeWeightsChunk(value, &bytes);
    ++num_chunks_;
    size_ += bytes.size();
    stream_->Update(bytes);
  }

  void FinishBlob() {
    if (!stream_) {
      return;
    }
    seen_.insert(generation_);
    const FileChecksum checksum = stream_->Finish();
    stream_.reset();
    const auto name = names_.find(generation_);
    if (name == names_.end()) {
      if (!run_->findings().weights_intents.contains(generation_)) {
        run_->Report("weights", "chunks belong to no blob",
                     fmt::format("generation {}", generation_));
      } else {
        run_->Note(fmt::format("weights that are being written: generation {}", generation_));
      }
      return;
    }
    const WeightsRecord& record = run_->findings().weights.at(name->second);
    if (!readable_ || size_ != record.size) {
      run_->Report("weights", "a chunk of a blob is missing or unreadable", name->second);
    } else if (checksum != FileChecksum{record.hash_low, record.hash_high}) {
      run_->Report("weights", "the checksum of a blob does not match", name->second);
    }
  }

  CheckRun* run_;
  std::map<std::uint64_t, std::string> names_;  // by generation
  std::set<std::uint64_t> seen_;
  std::unique_ptr<ChecksumStream> stream_;  // null between blobs
  std::uint64_t generation_ = 0;
  std::uint64_t size_ = 0;
  std::uint32_t num_chunks_ = 0;
  bool readable_ = true;
};

}  // namespace

Status CheckWeights(CheckRun* run) { return WeightsCheck(run).Run(); }

}  // namespace dashi::storage
