#include "server/operations/inherited_sockets.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "server/server.h"

namespace dashi {
namespace {

constexpr pid_t kPid = 4711;

Result<std::vector<InheritedSocket>> Find(const std::map<std::string, std::string>& variables) {
  return FindInheritedSockets(
      [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      kPid);
}

std::string MessageOf(int descriptor) {
  return std::string(ReadInheritedSocket(descriptor, "shop").status().message());
}

class InheritedSocketsTest : public ::testing::Test {
 protected:
  ~InheritedSocketsTest() override {
    for (const int descriptor : descriptors_) {
      ::close(descriptor);
    }
  }
  int Keep(int descriptor) {
    EXPECT_GE(descriptor, 0) << std::strerror(errno);
    descriptors_.push_back(descriptor);
    return descriptor;
  }
  // A socket of 127.0.0.1 or of `host`, which may be in use by clients at once.
  int Tcp(std::uint32_t host = INADDR_LOOPBACK) {
    const int descriptor = Keep(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host);
    Bind(descriptor, address, sizeof(address));
    return descriptor;
  }
  int Unix(std::string path) {
    const int descriptor = Keep(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size();
    std::replace(path.begin(), path.end(), '@', '\0');
    std::memcpy(address.sun_path, path.data(), path.size());
    Bind(descriptor, address, size);
    return descriptor;
  }
  template <typename Address>
  static void Bind(int descriptor, const Address& address, std::size_t size) {
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(size)),
              0)
        << std::strerror(errno);
  }

  std::vector<int> descriptors_;
};

TEST_F(InheritedSocketsTest, ReadsWhereASocketListens) {
  const int tcp = Tcp();
  ASSERT_EQ(::listen(tcp, 1), 0);
  const auto socket = ReadInheritedSocket(tcp, "shop");
  ASSERT_TRUE(socket.ok()) << socket.status().message();
  EXPECT_EQ(socket->name, "shop");
  EXPECT_EQ(socket->descriptor, tcp);
  EXPECT_NE(socket->port, 0);
  EXPECT_TRUE(socket->address.is_loopback());
  EXPECT_EQ(socket->ToString(), "127.0.0.1:" + std::to_string(socket->port));
  EXPECT_EQ(::fcntl(tcp, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);

  const int v6 = Keep(::socket(AF_INET6, SOCK_STREAM, 0));
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  if (::bind(v6, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    ASSERT_EQ(::listen(v6, 1), 0);
    const auto six = ReadInheritedSocket(v6, "shop");
    ASSERT_TRUE(six.ok()) << six.status().message();
    EXPECT_EQ(six->ToString(), "[::1]:" + std::to_string(six->port));
  }

  const std::string number = std::to_string(::getpid());
  const std::string path = ::testing::TempDir() + "/inherited_" + number;
  for (const std::string& name : {path, "@inherited_" + number}) {
    const int local = Unix(name);
    ASSERT_EQ(::listen(local, 1), 0);
    const auto there = ReadInheritedSocket(local, "shop");
    ASSERT_TRUE(there.ok()) << there.status().message();
    EXPECT_EQ(there->ToString(), name);
    EXPECT_EQ(there->port, 0);
  }
  std::filesystem::remove(path);
}

TEST_F(InheritedSocketsTest, RefusesWhatDoesNotListen) {
  const int closed = ::dup(STDERR_FILENO);
  ::close(closed);
  const std::string begin =
      "the service manager's socket shop (descriptor " + std::to_string(closed) + ") ";
  EXPECT_EQ(MessageOf(closed), begin + "is not open");
  EXPECT_NE(MessageOf(Keep(::open("/dev/null", O_RDONLY))).find("is no socket"), std::string::npos);
  EXPECT_NE(MessageOf(Keep(::socket(AF_INET, SOCK_DGRAM, 0)))
                .find("is neither a TCP nor a Unix stream socket"),
            std::string::npos);
  EXPECT_NE(MessageOf(Keep(::socket(AF_UNIX, SOCK_SEQPACKET, 0)))
                .find("is neither a TCP nor a Unix stream socket"),
            std::string::npos);
  EXPECT_NE(MessageOf(Tcp()).find("does not listen"), std::string::npos);
  int pair[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  Keep(pair[1]);
  EXPECT_NE(MessageOf(Keep(pair[0])).find("does not listen"), std::string::npos)
      << "a client, as with Accept=yes";
}

TEST_F(InheritedSocketsTest, ReadsTheVariables) {
  const std::string pid = std::to_string(kPid);
  for (const auto& none : std::vector<std::map<std::string, std::string>>{
           {},
           {{"LISTEN_FDS", "1"}},
           {{"LISTEN_PID", pid}},
           {{"LISTEN_PID", pid}, {"LISTEN_FDS", "0"}},
           {{"LISTEN_PID", pid}, {"LISTEN_FDS", "0"}, {"LISTEN_FDNAMES", ""}},
           {{"LISTEN_PID", "4712"}, {"LISTEN_FDS", "what"}}}) {
    const auto sockets = Find(none);
    ASSERT_TRUE(sockets.ok()) << sockets.status().message();
    EXPECT_TRUE(sockets->empty());
  }
  const auto message = [&](const std::map<std::string, std::string>& variables) {
    return std::string(Find(variables).status().message());
  };
  EXPECT_EQ(message({{"LISTEN_PID", "me"}, {"LISTEN_FDS", "1"}}),
            "LISTEN_PID is no process id: me");
  for (const char* wrong : {"", "-1", "1 ", "65", "99999999999"}) {
    EXPECT_EQ(message({{"LISTEN_PID", pid}, {"LISTEN_FDS", wrong}}),
              std::string("LISTEN_FDS is not a number from 0 to 64: ") + wrong);
  }
  EXPECT_EQ(message({{"LISTEN_PID", pid}, {"LISTEN_FDS", "2"}, {"LISTEN_FDNAMES", "a:b:c"}}),
            "LISTEN_FDNAMES has 3 names for 2 sockets");
}

TEST_F(InheritedSocketsTest, OfTheNetworkNeedRules) {
  const int open = Tcp(INADDR_ANY);
  ASSERT_EQ(::listen(open, 1), 0);
  const int near = Tcp();
  ASSERT_EQ(::listen(near, 1), 0);
  std::vector<InheritedSocket> sockets = {ReadInheritedSocket(near, "near").value()};
  ServerOptions options;
  options.host = "0.0.0.0";
  EXPECT_FALSE(CheckServerOptions(options).ok());
  EXPECT_TRUE(CheckServerOptions(options, sockets).ok()) << "the host is not used";
  sockets.push_back(ReadInheritedSocket(open, "open").value());
  const Status status = CheckServerOptions(options, sockets);
  EXPECT_NE(status.message().find("got 0.0.0.0:"), std::string::npos) << status.message();
  options.access_file = "access.conf";
  EXPECT_TRUE(CheckServerOptions(options, sockets).ok());
}

}  // namespace
}  // namespace dashi
