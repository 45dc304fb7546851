#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/status.h"
#include "dashi/status.h"
#include "trainer/scratch/scratch_space.h"

namespace dashi::trainer {

/// Numbers, zero at first, that can be changed in place: in memory, or where the space has no
/// memory left for them, in a mapped file. The file has all its bytes from the beginning, so that a
/// disk that fills up later takes nothing away.
///
/// Threads: as a std::vector.
template <typename T>
class ScratchArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  ScratchArray() : memory_(nullptr) {}
  /// In memory.
  explicit ScratchArray(std::size_t size) : size_(size), owned_(size), memory_(nullptr) {
    data_ = owned_.data();
  }
  /// `space` must outlive the array; null: in memory.
  ///
  /// Errors: kResourceExhausted (53100) for a full disk, kIoError.
  static Result<ScratchArray> Make(ScratchSpace* space, std::size_t size) {
    ScratchArray array;
    array.size_ = size;
    ScratchMemory memory(space);
    if (memory.Reach(size * sizeof(T))) {
      array.owned_.resize(size);
      array.memory_ = std::move(memory);
      array.data_ = array.owned_.data();
      return array;
    }
    DASHI_ASSIGN_OR_RETURN(const auto file, ScratchFile::Create(*space));
    const std::vector<char> zeros(std::min(size * sizeof(T), kZeroBytes));
    for (std::size_t left = size * sizeof(T); left > 0;) {
      const std::size_t put = std::min(left, zeros.size());
      DASHI_RETURN_IF_ERROR(file->Append({zeros.data(), put}));
      left -= put;
    }
    DASHI_ASSIGN_OR_RETURN(array.mapped_, file->Map(MappedFile::Access::kReadWrite));
    array.data_ = static_cast<T*>(array.mapped_->data());
    return array;
  }

  ScratchArray(ScratchArray&& other) noexcept : ScratchArray() { *this = std::move(other); }
  ScratchArray& operator=(ScratchArray&& other) noexcept {
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    owned_ = std::exchange(other.owned_, {});
    mapped_ = std::move(other.mapped_);
    memory_ = std::move(other.memory_);
    return *this;
  }
  ScratchArray(const ScratchArray&) = delete;
  ScratchArray& operator=(const ScratchArray&) = delete;
  ~ScratchArray() = default;

  std::size_t size() const { return size_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  std::span<T> all() { return {data_, size_}; }
  std::span<const T> all() const { return {data_, size_}; }
  bool is_mapped() const { return mapped_ != nullptr; }

  /// Says that numbers will be used soon. A hint, for those in a file.
  void WillNeed(std::size_t first, std::size_t size) const {
    if (mapped_ != nullptr && size > 0) {
      mapped_->WillNeed(first * sizeof(T), size * sizeof(T));
    }
  }

 private:
  static constexpr std::size_t kZeroBytes = std::size_t{1} << 20U;

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::vector<T> owned_;
  std::unique_ptr<MappedFile> mapped_;
  ScratchMemory memory_;
};

}  // namespace dashi::trainer
