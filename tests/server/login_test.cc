// Logins over real sockets and a fake engine: what clients with and without the password get.

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/byte_codec.h"
#include "base/mutex.h"
#include "server/server.h"
#include "tests/server/scram_client.h"
#include "tests/server/wire_client.h"
#include "tests/shell/fake_statement_runner.h"

namespace dashi {
namespace {

constexpr std::chrono::milliseconds kIdleWaitMax{180'000};

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() { options_.port = 0; }

  void AddRole(const std::string& name, const std::string& password) {
    internal::RoleLogin role;
    role.any_roles = role.exists = role.may_log_in = true;
    role.mock_secret = "secret";
    if (!password.empty()) {
      role.verifier = MakeScramVerifier(password, "salt of " + name);
    }
    roles_[name] = role;
  }

  void Start() {
    ServerHooks hooks;
    hooks.make_runner =
        [this](const ClientIdentity& client,
               const ClientControls& /*controls*/) -> Result<std::unique_ptr<StatementRunner>> {
      const MutexLock lock(mutex_);
      let_in_.push_back(client);
      return std::unique_ptr<StatementRunner>(std::make_unique<FakeStatementRunner>());
    };
    hooks.secrets = [] { return 7U; };
    hooks.find_role = [this](const std::string& /*database*/,
                             const std::string& user) -> Result<internal::RoleLogin> {
      const auto role = roles_.find(user);
      if (role != roles_.end()) {
        return role->second;
      }
      internal::RoleLogin unknown;
      unknown.any_roles = !roles_.empty();
      unknown.mock_secret = "secret";
      return unknown;
    };
    hooks.on_login = [this](const LoginEvent& event) {
      const MutexLock lock(mutex_);
      logins_.push_back(event);
    };
    auto server = Server::Start(options_, std::move(hooks));
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(server).value();
  }

  // What the server says to a client that logs in with a password, up to the end or to ready.
  std::vector<ServerMessage> LogIn(WireClient& client, const std::string& user,
                                   const std::string& password) {
    client.Send(StartupBytes({{"user", user}}));
    std::vector<ServerMessage> messages = {client.Read()};
    if (messages[0].type != 'R') {
      messages.push_back(client.Read());
      return messages;
    }
    ScramClient scram({.password = password});
    client.Send(InitialResponse(scram.First()));
    messages.push_back(client.Read());
    const std::string& challenge = messages.back().body;
    client.Send(MessageBytes(
        'p',
        scram.Last(challenge.substr(std::min<std::size_t>(4, challenge.size()))).value_or("")));
    for (ServerMessage& message : client.ReadUntilReady()) {
      messages.push_back(std::move(message));
    }
    return messages;
  }

  static std::string InitialResponse(const std::string& first,
                                     const std::string& mechanism = "SCRAM-SHA-256") {
    std::string body = mechanism + '\0';
    AppendBigEndian32(&body, static_cast<std::uint32_t>(first.size()));
    return MessageBytes('p', body + first);
  }

  ServerOptions options_;
  std::map<std::string, internal::RoleLogin> roles_;
  Mutex mutex_;
  std::vector<ClientIdentity> let_in_ DASHI_GUARDED_BY(mutex_);
  std::vector<LoginEvent> logins_ DASHI_GUARDED_BY(mutex_);
  std::unique_ptr<Server> server_;
};

TEST_F(LoginTest, WithoutRolesEverybodyOfThisMachineIsLetIn) {
  Start();
  WireClient client(server_->port());
  EXPECT_EQ(TypesOf(client.LogIn()), "R" + std::string(14, 'S') + "KZ");
  const MutexLock lock(mutex_);
  ASSERT_EQ(let_in_.size(), 1U);
  EXPECT_TRUE(let_in_[0].unrestricted && let_in_[0].is_admin);
  EXPECT_EQ(let_in_[0].address, "127.0.0.1");
}

TEST_F(LoginTest, ThePasswordLetsIn) {
  AddRole("ann", "pencil");
  roles_["ann"].is_admin = true;
  AddRole("bob", "pen");
  Start();
  WireClient ann(server_->port());
  const auto messages = LogIn(ann, "ann", "pencil");
  EXPECT_EQ(TypesOf(messages), "RRRR" + std::string(14, 'S') + "KZ");
  EXPECT_EQ(messages[0].body, std::string("\0\0\0\12SCRAM-SHA-256\0\0", 19));
  WireClient bob(server_->port());
  const auto of_bob = LogIn(bob, "bob", "pen");
  ASSERT_TRUE(TypesOf(of_bob).ends_with("KZ"));
  std::map<std::string, std::string> reported;
  for (const ServerMessage& message : of_bob) {
    if (message.type == 'S') {
      const std::size_t end = message.body.find('\0');
      reported[message.body.substr(0, end)] =
          message.body.substr(end + 1, message.body.size() - end - 2);
    }
  }
  EXPECT_EQ(reported["is_superuser"], "off");
  EXPECT_EQ(reported["session_authorization"], "bob");
  const MutexLock lock(mutex_);
  ASSERT_EQ(let_in_.size(), 2U);
  EXPECT_TRUE(let_in_[0].is_admin && !let_in_[0].unrestricted);
  EXPECT_FALSE(let_in_[1].is_admin || let_in_[1].unrestricted);
  ASSERT_EQ(logins_.size(), 2U);
  EXPECT_TRUE(logins_[1].outcome.ok());
  EXPECT_EQ(logins_[1].rule, "default");
}

TEST_F(LoginTest, WrongPasswordsAndUnknownRolesAreToldTheSame) {
  AddRole("ann", "pencil");
  AddRole("locked", "pencil");
  roles_["locked"].may_log_in = false;
  AddRole("without", "");
  Start();
  std::vector<std::string> answers;
  for (const std::string user : {"ann", "locked", "without", "nobody"}) {
    WireClient client(server_->port());
    const auto messages = LogIn(client, user, user == "ann" ? "wrong" : "pencil");
    ASSERT_EQ(TypesOf(messages), "RRE.") << user;
    EXPECT_EQ(FieldOf(messages[2], 'S'), "FATAL");
    EXPECT_EQ(FieldOf(messages[2], 'C'), "28P01");
    EXPECT_EQ(FieldOf(messages[2], 'M'),
              "password authentication failed for user \"" + user + "\"");
    EXPECT_NE(messages[1].body.find(",i=4096"), std::string::npos);
  }
  // The salt of a role that is not there does not change from one try to the next.
  std::vector<std::string> salts;
  for (int i = 0; i < 2; ++i) {
    WireClient client(server_->port());
    const std::string challenge = LogIn(client, "nobody", "x")[1].body;
    salts.push_back(challenge.substr(challenge.find(",s=")));
  }
  EXPECT_EQ(salts[0], salts[1]);
  const MutexLock lock(mutex_);
  EXPECT_TRUE(let_in_.empty());
  EXPECT_EQ(logins_.size(), 6U);
}

TEST_F(LoginTest, HostileLoginsEndTheConnection) {
  AddRole("ann", "pencil");
  Start();
  const std::string first = ScramClient({.password = "pencil"}).First();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {QueryBytes("SELECT n"), "08P01"},
      {MessageBytes('X', ""), "08P01"},
      {MessageBytes('p', ""), "08P01"},
      {MessageBytes('p', std::string("pencil\0", 7)), "08P01"},  // as for a password in the clear
      {InitialResponse(first, "SCRAM-SHA-1"), "08P01"},
      {InitialResponse(first, "SCRAM-SHA-256-PLUS"), "08P01"},
      {InitialResponse("n,,n=,r="), "08P01"},
      {InitialResponse("y,,n=,r=abc") + MessageBytes('p', "c=eSws,r=abc,p=AAAA"), "08P01"},
      {InitialResponse(first) + MessageBytes('p', "garbage"), "08P01"},
      {InitialResponse(first) + QueryBytes("SELECT n"), "08P01"},
      {MessageBytes('p', std::string(9000, 'x')), ""},
      {std::string("p\0\0\0\1", 5), ""},
      {std::string("p\xff\xff\xff\xff", 5), ""}};
  for (const auto& [bytes, state] : cases) {
    WireClient client(server_->port());
    client.Send(StartupBytes({{"user", "ann"}}) + bytes);
    std::string told;
    for (ServerMessage message = client.Read(); message.type != '\0'; message = client.Read()) {
      ASSERT_NE(message.type, '?') << "the connection stays open";
      told = message.type == 'E' ? FieldOf(message, 'C') : told;
    }
    EXPECT_EQ(told, state) << bytes;
  }
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  const MutexLock lock(mutex_);
  EXPECT_TRUE(let_in_.empty());
}

TEST_F(LoginTest, AProofCannotBeUsedAgain) {
  AddRole("ann", "pencil");
  Start();
  ScramClient scram({.password = "pencil"});
  WireClient client(server_->port());
  client.Send(StartupBytes({{"user", "ann"}}) + InitialResponse(scram.First()));
  client.Read();
  const std::string proof = MessageBytes('p', scram.Last(client.Read().body.substr(4)).value());
  client.Send(proof);
  EXPECT_TRUE(TypesOf(client.ReadUntilReady()).ends_with("KZ"));
  WireClient thief(server_->port());
  thief.Send(StartupBytes({{"user", "ann"}}) + InitialResponse(scram.First()) + proof);
  EXPECT_TRUE(TypesOf(thief.ReadUntilReady()).ends_with("E."));
}

TEST_F(LoginTest, ALoginIsUnderTheDeadline) {
  AddRole("ann", "pencil");
  options_.startup_deadline = std::chrono::milliseconds(300);
  Start();
  WireClient silent(server_->port());
  silent.Send(StartupBytes({{"user", "ann"}}));
  EXPECT_EQ(silent.Read().type, 'R');
  EXPECT_TRUE(silent.AtEnd());
  WireClient halfway(server_->port());
  halfway.Send(StartupBytes({{"user", "ann"}}) +
               InitialResponse(ScramClient({.password = "pencil"}).First()));
  EXPECT_EQ(halfway.Read().type, 'R');
  EXPECT_EQ(halfway.Read().type, 'R');
  EXPECT_TRUE(halfway.AtEnd());
}

TEST_F(LoginTest, ARoleHasAsManyConnectionsAsItMay) {
  AddRole("ann", "pencil");
  roles_["ann"].num_connections_max = 1;
  AddRole("none", "pencil");
  roles_["none"].num_connections_max = 0;
  Start();
  auto first = std::make_unique<WireClient>(server_->port());
  EXPECT_TRUE(TypesOf(LogIn(*first, "ann", "pencil")).ends_with("KZ"));
  WireClient second(server_->port());
  const auto refused = LogIn(second, "ann", "pencil");
  ASSERT_TRUE(TypesOf(refused).ends_with("E."));
  EXPECT_EQ(FieldOf(refused[refused.size() - 2], 'C'), "53300");
  WireClient never(server_->port());
  EXPECT_TRUE(TypesOf(LogIn(never, "none", "pencil")).ends_with("E."));
  first.reset();
  EXPECT_TRUE(server_->WaitUntilIdle(kIdleWaitMax));
  WireClient third(server_->port());
  EXPECT_TRUE(TypesOf(LogIn(third, "ann", "pencil")).ends_with("KZ"));
}

TEST_F(LoginTest, OtherAddressesNeedTlsOrRules) {
  options_.host = "0.0.0.0";
  EXPECT_EQ(CheckServerOptions(options_).code(), StatusCode::kInvalidArgument);
  options_.access_file = "rules";
  EXPECT_TRUE(CheckServerOptions(options_).ok());
  options_.access_file = "";
  options_.tls_certificate_file = "certificate";
  EXPECT_TRUE(CheckServerOptions(options_).ok());
  options_.host = "elsewhere";
  EXPECT_EQ(CheckServerOptions(options_).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dashi
