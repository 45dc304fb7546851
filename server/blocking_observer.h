#pragma once

namespace dashi {

/// Is told of threads that wait for their clients, so that others can take their place.
///
/// Threads: all methods may be called at once.
class BlockingObserver {
 public:
  virtual ~BlockingObserver() = default;
  virtual void BeginBlocking() = 0;
  virtual void EndBlocking() = 0;
};

/// Says that the thread waits for its client, for as long as it lives.
class BlockingScope {
 public:
  /// `observer` may be null; else it must outlive the scope.
  explicit BlockingScope(BlockingObserver* observer) : observer_(observer) {
    if (observer_ != nullptr) {
      observer_->BeginBlocking();
    }
  }
  ~BlockingScope() {
    if (observer_ != nullptr) {
      observer_->EndBlocking();
    }
  }
  BlockingScope(const BlockingScope&) = delete;
  BlockingScope& operator=(const BlockingScope&) = delete;

 private:
  BlockingObserver* const observer_;
};

}  // namespace dashi
