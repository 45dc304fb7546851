// A server whose process has no file descriptors left.

#include <cstdint>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "server/server.h"
#include "tests/server/wire_client.h"
#include "tests/shell/fake_statement_runner.h"

namespace dashi {
namespace {

Result<std::unique_ptr<StatementRunner>> MakeRunner() {
  auto runner = std::make_unique<FakeStatementRunner>();
  (*runner)["SELECT n"] = NumbersOutcome();
  return std::unique_ptr<StatementRunner>(std::move(runner));
}

TEST(ServerDescriptorsTest, TurnsClientsAwayAndServesAgainLater) {
  const auto server = Server::Start({.port = 0}, MakeRunner, [] { return 1U; });
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  const std::uint16_t port = (*server)->port();
  WireClient before(port);
  before.LogIn();
  rlimit old_limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old_limit), 0);
  rlimit low_limit = old_limit;
  low_limit.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low_limit), 0);
  std::vector<int> taken;
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) {
    taken.push_back(fd);
  }
  ASSERT_FALSE(taken.empty());
  // One for the client; the server then has none left to accept it with.
  ::close(taken.back());
  taken.pop_back();
  WireClient turned_away(port);
  EXPECT_TRUE(turned_away.connected());
  EXPECT_TRUE(turned_away.AtEnd()) << "turned away, not left waiting";
  EXPECT_EQ(TypesOf(before.Query("SELECT n")), "TDDCZ");
  for (const int fd : taken) {
    ::close(fd);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old_limit), 0);
  WireClient after(port);
  EXPECT_TRUE(TypesOf(after.LogIn()).ends_with("KZ"));
}

}  // namespace
}  // namespace dashi
