#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "dashi/status.h"
#include "trainer/scratch/number_array.h"
#include "trainer/scratch/scratch_space.h"

namespace dashi::trainer {

/// Writes a NumberArray from front to end: in memory, or once the space has no memory left for it,
/// in a file.
///
/// Errors:  kResourceExhausted (53100) for a full disk, kIoError.
/// Threads: one thread at a time.
template <typename T>
class NumberWriter {
 public:
  /// `space` must outlive this and the array; null: in memory.
  explicit NumberWriter(ScratchSpace* space) : space_(space), memory_(space) {}

  Status Append(std::span<const T> values) {
    size_ += values.size();
    if (file_ == nullptr && !memory_.Reach((buffer_.size() + values.size()) * sizeof(T))) {
      DASHI_ASSIGN_OR_RETURN(file_, ScratchFile::Create(*space_));
      DASHI_RETURN_IF_ERROR(Flush());
      buffer_ = std::vector<T>();
      memory_.Release();
    }
    buffer_.insert(buffer_.end(), values.begin(), values.end());
    return file_ != nullptr && buffer_.size() * sizeof(T) >= kBufferBytes ? Flush() : Status();
  }
  Status Append(T value) { return Append(std::span<const T>(&value, 1)); }

  std::uint64_t size() const { return size_; }

  /// The last call.
  Result<NumberArray<T>> Finish() {
    if (file_ == nullptr) {
      return NumberArray<T>(std::move(buffer_),
                            std::make_shared<ScratchMemory>(std::move(memory_)));
    }
    DASHI_RETURN_IF_ERROR(Flush());
    DASHI_ASSIGN_OR_RETURN(auto mapped, file_->Map(MappedFile::Access::kRead));
    return NumberArray<T>(std::unique_ptr<const MappedFile>(std::move(mapped)));
  }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

  Status Flush() {
    DASHI_RETURN_IF_ERROR(
        file_->Append({reinterpret_cast<const char*>(buffer_.data()), buffer_.size() * sizeof(T)}));
    buffer_.clear();
    return Status();
  }

  ScratchSpace* const space_;
  ScratchMemory memory_;
  std::vector<T> buffer_;  // all of it, or what is not yet in the file
  std::unique_ptr<ScratchFile> file_;
  std::uint64_t size_ = 0;
};

}  // namespace dashi::trainer
