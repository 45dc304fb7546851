#include "server/operations/service_notifier.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "server/operations/service_watchdog.h"
#include "tests/server/notify_socket.h"

namespace dashi {
namespace {

constexpr pid_t kPid = 4711;

class ServiceNotifierTest : public ::testing::Test {
 protected:
  std::unique_ptr<ServiceNotifier> Open() const {
    return ServiceNotifier::Open(
        [this](const std::string& name) {
          const auto found = variables_.find(name);
          return found == variables_.end() ? std::nullopt : std::optional(found->second);
        },
        kPid);
  }
  std::string SocketName() const {
    return "@dashi_service_notifier_test_" + std::to_string(::getpid());
  }

  std::map<std::string, std::string> variables_;
};

TEST_F(ServiceNotifierTest, TellsAFileAndANameThatIsNone) {
  const std::string path =
      (std::filesystem::path(::testing::TempDir()) / SocketName().substr(1)).string();
  for (const std::string& name : {path, SocketName()}) {
    SCOPED_TRACE(name);
    NotifySocket manager(name);
    variables_["NOTIFY_SOCKET"] = name;
    const auto notifier = Open();
    notifier->TellStatus("two\nlines");
    EXPECT_EQ(manager.Read(), "STATUS=two lines");
    notifier->TellReady("Serving x");
    EXPECT_EQ(manager.Read(), "READY=1\nSTATUS=Serving x");
    const std::int64_t before = Clock::System().MonotonicMicros();
    notifier->TellReloading();
    const std::int64_t after = Clock::System().MonotonicMicros();
    const std::string reloading = manager.Read();
    const std::string begin = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_TRUE(reloading.starts_with(begin)) << reloading;
    const std::int64_t told = std::stoll(reloading.substr(begin.size()));
    EXPECT_GE(told, before);
    EXPECT_LE(told, after);
    notifier->TellAlive();
    notifier->TellStopping();
    EXPECT_EQ(manager.Read(), "STOPPING=1\nSTATUS=Stopping") << "nobody watches";
  }
  std::filesystem::remove(path);
}

TEST_F(ServiceNotifierTest, GoesOnWithoutAManager) {
  Open()->TellReady("to nobody");
  for (const std::string& name :
       {std::string(), std::string("/"), std::string("vsock:2:1"), std::string("relative"),
        "/" + std::string(200, 'x'), std::string("@nobody is here"), std::string("/nobody/here")}) {
    variables_["NOTIFY_SOCKET"] = name;
    const auto notifier = Open();
    notifier->TellReady("to nobody");
    notifier->TellStopping();
  }
}

TEST_F(ServiceNotifierTest, IsWatchedWhenItIsMeant) {
  using std::chrono::microseconds;
  variables_ = {{"WATCHDOG_USEC", "5000000"}};
  EXPECT_EQ(Open()->watchdog_interval(), std::nullopt) << "there is nobody to tell";
  variables_["NOTIFY_SOCKET"] = "/run/manager";
  EXPECT_EQ(Open()->watchdog_interval(), microseconds(5'000'000));
  variables_["WATCHDOG_PID"] = std::to_string(kPid);
  EXPECT_EQ(Open()->watchdog_interval(), microseconds(5'000'000));
  for (const char* other : {"4712", "", "x", "-1", "4711 "}) {
    variables_["WATCHDOG_PID"] = other;
    EXPECT_EQ(Open()->watchdog_interval(), std::nullopt) << other;
  }
  variables_.erase("WATCHDOG_PID");
  for (const char* wrong : {"", "0", "-5", "5s", "99999999999999999999"}) {
    variables_["WATCHDOG_USEC"] = wrong;
    EXPECT_EQ(Open()->watchdog_interval(), std::nullopt) << wrong;
  }
}

TEST_F(ServiceNotifierTest, TheWatchdogHearsOfAServerThatLives) {
  NotifySocket manager(SocketName());
  variables_ = {{"NOTIFY_SOCKET", SocketName()}, {"WATCHDOG_USEC", "20000"}};
  const auto notifier = Open();
  std::atomic<int> num_checks = 0;
  std::atomic<bool> lives = true;
  {
    const ServiceWatchdog watchdog(*notifier, [&](std::chrono::milliseconds timeout) {
      EXPECT_EQ(timeout.count(), 5) << "a quarter of the interval; half of it is waited";
      ++num_checks;
      return lives.load();
    });
    EXPECT_EQ(manager.Read(), "WATCHDOG=1");
    EXPECT_EQ(manager.Read(), "WATCHDOG=1");
    lives = false;
    // What was told before is read, and a check that had begun.
    const int then = num_checks;
    while (num_checks < then + 2) {
      ::poll(nullptr, 0, 1);
    }
    while (!manager.Read(0).empty()) {
    }
    while (num_checks < then + 4) {
      ::poll(nullptr, 0, 1);
    }
    EXPECT_EQ(manager.Read(0), "") << "a server that does not answer is not alive";
    lives = true;
    EXPECT_EQ(manager.Read(), "WATCHDOG=1");
  }
  variables_.erase("WATCHDOG_USEC");
  const auto unwatched = Open();
  num_checks = 0;
  {
    const ServiceWatchdog watchdog(*unwatched, [&](auto) { return ++num_checks > 0; });
  }
  EXPECT_EQ(num_checks, 0);
}

}  // namespace
}  // namespace dashi
