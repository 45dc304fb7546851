#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dashi::storage {

/// The keys of events that a load has seen, by their last 16 bytes, which are a hash.
///
/// Threads: one thread at a time.
/// Cost:    22 to 43 bytes an event.
class LoadedEventSet {
 public:
  /// `key` is a GraphEventKey. Returns whether the event is new.
  bool Add(std::string_view key);
  bool empty() const { return size_ == 0; }
  std::uint64_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t high = 0;
    std::uint64_t low = 0;  // both 0: free
  };
  Slot* Find(const Slot& event);
  void Grow();

  std::vector<Slot> slots_;
  std::uint64_t size_ = 0;
};

}  // namespace dashi::storage
