// `dashi serve` as a service manager such as systemd starts it: the program itself, in processes of
// its own, and a manager of the tests'.

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/server/command_process.h"
#include "tests/server/notify_socket.h"
#include "tests/server/wire_client.h"

namespace dashi {
namespace {

// A socket of the manager's that listens.
class ListeningSocket {
 public:
  // Of TCP, at a port that is free.
  explicit ListeningSocket(const char* host, int type = SOCK_STREAM) {
    descriptor_ = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, host, &address.sin_addr), 1);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), 0)
        << std::strerror(errno);
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (type == SOCK_STREAM) {
      EXPECT_EQ(::listen(descriptor_, 16), 0);
    }
  }
  explicit ListeningSocket(const std::filesystem::path& path) {
    descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << std::strerror(errno);
    EXPECT_EQ(::listen(descriptor_, 16), 0);
  }
  ~ListeningSocket() { ::close(descriptor_); }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  int descriptor() const { return descriptor_; }
  std::uint16_t port() const { return port_; }

 private:
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
};

// In the child: has the descriptors from 3 on, and says so.
void PassSockets(const std::vector<int>& sockets, const std::string& names) {
  constexpr int kOutOfTheWay = 100;
  std::vector<int> copies;
  for (const int socket : sockets) {
    copies.push_back(::fcntl(socket, F_DUPFD, kOutOfTheWay));
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    ::dup2(copies[i], static_cast<int>(3 + i));
    ::close(copies[i]);
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
  ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
}

std::string ContentOf(const std::filesystem::path& path) {
  std::stringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

class ServiceProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("service_process_test_" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const CommandOutcome made =
        RunCommand({DashiCommand(), "exec", "w.db", "-c", "SELECT 1"}, folder_);
    ASSERT_EQ(made.exit_status, 0) << made.err;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(ServiceProcessTest, TellsTheManagerHowItIs) {
  const std::filesystem::path config = folder_ / "dashi.conf";
  const std::string abstract = "@dashi_service_process_test_" + std::to_string(::getpid());
  for (const std::string& name : {(folder_ / "notify").string(), abstract}) {
    SCOPED_TRACE(name);
    NotifySocket manager(name);
    std::ofstream(config) << "send_timeout = 5s\n";
    ServeProcess serve("w.db", folder_, {"--config", "dashi.conf"},
                       [&] { ::setenv("NOTIFY_SOCKET", name.c_str(), 1); });
    ASSERT_GT(serve.port(), 0) << serve.log();
    EXPECT_EQ(manager.Read(), "STATUS=Opening w.db");
    EXPECT_EQ(manager.Read(), "READY=1\nSTATUS=Serving w.db");
    {
      WireClient client(static_cast<std::uint16_t>(serve.port()));
      client.LogIn();
      EXPECT_EQ(TypesOf(client.Query("SELECT 1 AS n")), "TDCZ");
    }
    std::ofstream(config) << "send_timeout = 6s\n";
    const std::int64_t before = Clock::System().MonotonicMicros();
    serve.Signal(SIGHUP);
    const std::string reloading = manager.Read();
    const std::string begin = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_TRUE(reloading.starts_with(begin)) << reloading;
    EXPECT_GE(std::stoll(reloading.substr(begin.size())), before);
    EXPECT_EQ(manager.Read(), "READY=1\nSTATUS=Serving w.db; reloaded; changed: send_timeout");
    std::ofstream(config) << "send_timeout = none\n";
    serve.Signal(SIGHUP);
    EXPECT_TRUE(manager.Read().starts_with(begin));
    const std::string refused = "READY=1\nSTATUS=Serving w.db; not reloaded, the settings stay";
    EXPECT_TRUE(manager.Read().starts_with(refused)) << "it serves as before";
    serve.Signal(SIGTERM);
    EXPECT_EQ(manager.Read(), "STOPPING=1\nSTATUS=Stopping");
    EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
    EXPECT_EQ(manager.Read(0), "") << "nobody watches";
  }
}

TEST_F(ServiceProcessTest, HoldsTheWatchdogOff) {
  NotifySocket manager((folder_ / "notify").string());
  ServeProcess serve("w.db", folder_, {}, [&] {
    ::setenv("NOTIFY_SOCKET", manager.name().c_str(), 1);
    ::setenv("WATCHDOG_USEC", "100000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  });
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_NE(manager.WaitFor("READY=1"), "");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(manager.WaitFor("WATCHDOG=1"), "WATCHDOG=1");
  }
  serve.Signal(SIGTERM);
  EXPECT_NE(manager.WaitFor("STOPPING=1"), "");
  EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
}

TEST_F(ServiceProcessTest, ServesSocketsOfTheManager) {
  const std::string path = (folder_ / ".s.PGSQL.5433").string();
  const ListeningSocket tcp("127.0.0.1");
  const ListeningSocket local{std::filesystem::path(path)};
  // The address would be refused, and the folder is not there: neither is used.
  const std::vector<std::string> options = {"--host", "0.0.0.0", "--unix-socket-directory",
                                            "/nowhere"};
  for (int i = 0; i < 2; ++i) {
    SCOPED_TRACE(i);
    // Comes before the server, which is what starts it.
    WireClient early(tcp.port());
    ASSERT_TRUE(early.connected());
    ServeProcess serve("w.db", folder_, options, [&] {
      PassSockets({tcp.descriptor(), local.descriptor()}, "shop.socket:near");
    });
    EXPECT_NE(serve.log().find("dashi: serving w.db on the service manager's sockets 127.0.0.1:" +
                               std::to_string(tcp.port()) + " (shop.socket), " + path +
                               " (near), not on host, port and unix_socket_directory\n"),
              std::string::npos)
        << serve.log();
    for (const char* descriptor : {"3", "4"}) {
      const std::string flags =
          ContentOf("/proc/" + std::to_string(serve.process()) + "/fdinfo/" + descriptor);
      EXPECT_NE(flags.find("flags:\t020"), std::string::npos) << "close-on-exec: " << flags;
    }
    early.LogIn();
    EXPECT_EQ(TypesOf(early.Query("SELECT 1 AS n")), "TDCZ");
    WireClient near(path);
    near.LogIn();
    EXPECT_EQ(TypesOf(near.Query("SELECT 1 AS n")), "TDCZ");
    serve.Signal(SIGTERM);
    EXPECT_EQ(serve.WaitForExit(), 0) << serve.log();
    EXPECT_TRUE(std::filesystem::exists(path)) << "the manager's";
  }
}

TEST_F(ServiceProcessTest, RefusesOtherDescriptors) {
  const ListeningSocket udp("127.0.0.1", SOCK_DGRAM);
  ServeProcess wrong("w.db", folder_, {}, [&] { PassSockets({udp.descriptor()}, "udp"); });
  EXPECT_EQ(wrong.WaitForExit(), 1);
  EXPECT_NE(wrong.log().find("the service manager's socket udp (descriptor 3) is neither a TCP nor "
                             "a Unix stream socket"),
            std::string::npos)
      << wrong.log();
  const ListeningSocket open("0.0.0.0");
  ServeProcess exposed("w.db", folder_, {}, [&] { PassSockets({open.descriptor()}, "open"); });
  EXPECT_EQ(exposed.WaitForExit(), 1);
  EXPECT_NE(exposed.log().find("only loopback addresses can be served"), std::string::npos)
      << exposed.log();
  // What is meant for another process is none of ours.
  ServeProcess other("w.db", folder_, {}, [&] {
    PassSockets({udp.descriptor()}, "udp");
    ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
  });
  EXPECT_GT(other.port(), 0) << other.log();
}

TEST_F(ServiceProcessTest, UnitsAreUnderstoodBySystemd) {
  const std::filesystem::path units =
      std::filesystem::path(std::getenv("DASHI_SOURCE_DIR")) / "packaging" / "systemd";
  const std::string program = "@CMAKE_INSTALL_FULL_BINDIR@/dashi";
  std::string service = ContentOf(units / "dashi@.service.in");
  const std::size_t at = service.find(program);
  ASSERT_NE(at, std::string::npos);
  service.replace(at, program.size(), DashiCommand());
  std::ofstream(folder_ / "dashi@.service") << service;
  std::filesystem::copy_file(units / "dashi@.socket", folder_ / "dashi@.socket");
  const CommandOutcome outcome =
      RunCommand({"/bin/sh", "-c",
                  "command -v systemd-analyze > /dev/null && test -x /bin/kill || exit 77; "
                  "systemd-analyze verify --man=no ./dashi@.service ./dashi@.socket"},
                 folder_);
  if (outcome.exit_status == 77) {
    GTEST_SKIP() << "systemd-analyze is not installed";
  }
  EXPECT_EQ(outcome.exit_status, 0);
  EXPECT_EQ(outcome.out + outcome.err, "") << "it warns of what it passes over";
}

}  // namespace
}  // namespace dashi
