#include "sql/shell/signal_watcher.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "base/status.h"

namespace dashi {

namespace {

// One signal adds 2 to the event's counter, which wakes the thread; the end of the watcher makes it
// odd.
constexpr std::uint64_t kOneSignal = 2;
constexpr std::uint64_t kEnd = 1;

std::atomic<int> event_fd{-1};            // of the watcher there is
std::atomic<int> num_arrived[NSIG] = {};  // of each signal, not yet told
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler uses them");

void Count(int file_descriptor, std::uint64_t amount) {
  // An eventfd takes the write unless it counts to 2^64.
  static_cast<void>(!::write(file_descriptor, &amount, sizeof(amount)));
}

extern "C" void CountSignal(int signal) {
  const int saved_errno = errno;
  num_arrived[signal].fetch_add(1);
  Count(event_fd.load(), kOneSignal);
  errno = saved_errno;
}

}  // namespace

class SignalWatcher::Impl {
 public:
  explicit Impl(std::function<void(int)> on_signal) : on_signal_(std::move(on_signal)) {}

  ~Impl() {
    for (const int signal : signals_) {
      std::signal(signal, SIG_DFL);
    }
    if (thread_.joinable()) {
      Count(event_fd_, kEnd);
      thread_.join();
    }
    if (event_fd_ >= 0) {
      event_fd.store(-1);
      ::close(event_fd_);
    }
  }

  Status Start(const std::vector<int>& signals) {
    const int created = ::eventfd(0, EFD_CLOEXEC);
    if (created < 0) {
      return Status::IoError(std::string("cannot watch for signals: ") + std::strerror(errno));
    }
    int none = -1;
    if (!event_fd.compare_exchange_strong(none, created)) {
      ::close(created);
      return Status::FailedPrecondition("signals are watched already");
    }
    event_fd_ = created;
    DASHI_RETURN_IF_ERROR(
        CatchAsStatus("start of a thread", [this] { thread_ = std::thread([this] { Watch(); }); }));
    for (const int signal : signals) {
      struct sigaction action = {};
      action.sa_handler = CountSignal;
      action.sa_flags = SA_RESTART;
      if (::sigaction(signal, &action, nullptr) != 0) {
        return Status::IoError(std::string("cannot watch for a signal: ") + std::strerror(errno));
      }
      signals_.push_back(signal);
    }
    return Status();
  }

 private:
  void Watch() {
    std::uint64_t count = 0;
    while (count % kOneSignal == 0) {
      if (::read(event_fd_, &count, sizeof(count)) != static_cast<ssize_t>(sizeof(count))) {
        count = 0;  // EINTR
      }
      TellAll();
    }
  }

  void TellAll() {
    for (int signal = 1; signal < NSIG; ++signal) {
      for (int left = num_arrived[signal].exchange(0); left > 0; --left) {
        on_signal_(signal);
      }
    }
  }

  const std::function<void(int)> on_signal_;
  int event_fd_ = -1;
  std::vector<int> signals_;
  std::thread thread_;
};

SignalWatcher::SignalWatcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SignalWatcher::~SignalWatcher() = default;

Result<std::unique_ptr<SignalWatcher>> SignalWatcher::Start(
    const std::vector<int>& signals, std::function<void(int signal)> on_signal) {
  auto impl = std::make_unique<Impl>(std::move(on_signal));
  DASHI_RETURN_IF_ERROR(impl->Start(signals));
  return std::unique_ptr<SignalWatcher>(new SignalWatcher(std::move(impl)));
}

}  // namespace dashi
