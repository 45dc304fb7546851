#include "trainer/scratch/scratch_space.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/status.h"

namespace dashi::trainer {
namespace {

// Memory is taken in steps of so many bytes.
constexpr std::uint64_t kMemoryStep = std::uint64_t{1} << 20U;
// The disk is asked for room ahead of so many bytes.
constexpr std::uint64_t kRoomStep = std::uint64_t{16} << 20U;

}  // namespace

bool ScratchSpace::TakeMemory(std::uint64_t bytes) {
  std::uint64_t taken = memory_bytes_;
  do {
    if (bytes > options_.memory_bytes_max || taken > options_.memory_bytes_max - bytes) {
      return false;
    }
  } while (!memory_bytes_.compare_exchange_weak(taken, taken + bytes));
  return true;
}

ScratchMemory& ScratchMemory::operator=(ScratchMemory&& other) noexcept {
  if (this != &other) {
    Release();
    space_ = other.space_;
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool ScratchMemory::Reach(std::uint64_t bytes) {
  if (space_ == nullptr || bytes <= bytes_) {
    return true;
  }
  const std::uint64_t missing = (bytes - bytes_ + kMemoryStep - 1) / kMemoryStep * kMemoryStep;
  if (!space_->TakeMemory(missing)) {
    return false;
  }
  bytes_ += missing;
  return true;
}

void ScratchMemory::Release() {
  if (bytes_ > 0) {
    space_->GiveMemoryBack(std::exchange(bytes_, 0));
  }
}

Result<std::unique_ptr<ScratchFile>> ScratchFile::Create(ScratchSpace& space) {
  static std::atomic<std::uint64_t> num_files{0};  // of the process, which owns the database
  const std::string path =
      fmt::format("{}/training-{}.scratch", space.options_.folder, ++num_files);
  DASHI_ASSIGN_OR_RETURN(auto file, File::Create(path, *space.options_.gate));
  return std::unique_ptr<ScratchFile>(new ScratchFile(space, std::move(file)));
}

ScratchFile::~ScratchFile() {
  if (file_ != nullptr) {
    RemoveFile(path_, *space_.options_.gate).IgnoreError("removed by the next open");
  }
}

Status ScratchFile::Append(std::string_view bytes) {
  if (size_ + bytes.size() > room_checked_ && space_.options_.check_room) {
    const std::uint64_t room = std::max<std::uint64_t>(kRoomStep, bytes.size());
    DASHI_RETURN_IF_ERROR(space_.options_.check_room(room));
    room_checked_ = size_ + room;
  }
  DASHI_RETURN_IF_ERROR(file_->WriteAt(size_, bytes));
  size_ += bytes.size();
  space_.file_bytes_ += bytes.size();
  return Status();
}

Result<std::unique_ptr<MappedFile>> ScratchFile::Map(MappedFile::Access access) {
  DASHI_ASSIGN_OR_RETURN(auto mapped, MappedFile::Map(path_, size_, access));
  file_.reset();
  DASHI_FAILPOINT("train.rows");
  RemoveFile(path_, *space_.options_.gate).IgnoreError("removed by the next open");
  return mapped;
}

}  // namespace dashi::trainer
