#include "server/auth/access_rules.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace dashi {
namespace {

AccessRequest From(const std::string& address, const std::string& user = "ann",
                   bool encrypted = false) {
  AccessRequest request;
  request.database = "shop";
  request.user = user;
  if (address != "local") {
    request.address = ParseAddress(address).value();
  }
  request.encrypted = encrypted;
  return request;
}

AccessRules Rules(const std::string& text) {
  auto rules = AccessRules::Parse(text, "f");
  EXPECT_TRUE(rules.ok()) << rules.status().ToString();
  return rules.ok() ? *rules : AccessRules();
}

TEST(AccessRulesTest, WithoutAFileThisMachineTrustsUntilThereAreRoles) {
  const AccessRules rules = AccessRules::Default();
  for (const char* near : {"local", "127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(rules.Decide(From(near)).method, AccessMethod::kTrustBeforeRoles) << near;
  }
  for (const char* far : {"10.0.0.1", "2001:db8::1"}) {
    EXPECT_EQ(rules.Decide(From(far, "ann", true)).method, AccessMethod::kScram) << far;
    EXPECT_EQ(rules.Decide(From(far)).method, AccessMethod::kReject) << "in the clear";
  }
}

TEST(AccessRulesTest, TheFirstRuleThatFitsDecides) {
  const AccessRules rules = Rules(
      "# who gets in\n"
      "local      all          all                     trust\n"
      "host       shop,other   ann,\"Bob the 2nd\"  10.0.0.0/8   scram-sha-256  # people\n"
      "hostnossl  all all 10.1.0.0/16 reject\n"
      "hostssl\tall\tall\t10.1.0.0/16\tscram-sha-256\n"
      "host all \"all\" ::/0 scram-sha-256\n"
      "host all eve all reject\n"
      "host all all 127.0.0.1 trust\n");
  const auto decide = [&rules](const AccessRequest& request) {
    const AccessDecision decision = rules.Decide(request);
    return std::pair(decision.method, decision.rule);
  };
  using Decided = std::pair<AccessMethod, std::string>;
  EXPECT_EQ(decide(From("local", "eve")), Decided(AccessMethod::kTrust, "f:2"));
  EXPECT_EQ(decide(From("10.1.2.3")), Decided(AccessMethod::kScram, "f:3"));
  EXPECT_EQ(decide(From("10.1.2.3", "Bob the 2nd")), Decided(AccessMethod::kScram, "f:3"));
  EXPECT_EQ(decide(From("10.1.2.3", "carl")), Decided(AccessMethod::kReject, "f:4"));
  EXPECT_EQ(decide(From("10.1.2.3", "carl", true)), Decided(AccessMethod::kScram, "f:5"));
  EXPECT_EQ(decide(From("2001:db8::1", "all")), Decided(AccessMethod::kScram, "f:6"));
  EXPECT_EQ(decide(From("127.0.0.1", "eve")), Decided(AccessMethod::kReject, "f:7"));
  EXPECT_EQ(decide(From("127.0.0.1", "carl")), Decided(AccessMethod::kTrust, "f:8"));
  EXPECT_EQ(decide(From("127.0.0.2", "carl")), Decided(AccessMethod::kReject, ""));
  AccessRequest elsewhere = From("10.1.2.3");
  elsewhere.database = "third";
  EXPECT_EQ(decide(elsewhere), Decided(AccessMethod::kReject, "f:4"));
  EXPECT_EQ(Rules("").Decide(From("local")).method, AccessMethod::kReject) << "no rule fits";
}

TEST(AccessRulesTest, MistakesNameTheirLine) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"\n\nlokal all all trust", "f:3: want local, host, hostssl or hostnossl: got lokal"},
           {"local all all", "f:1: want local database role method: got 3 words"},
           {"host all all trust", "f:1: want host database role address method: got 4 words"},
           {"local all all all trust", "f:1: want local database role method: got 5 words"},
           {"host all all 10.0.0 trust", "f:1: not an IP address: 10.0.0"},
           {"host all all 10.0.0.0/33 reject", "f:1: not the length of a network: 10.0.0.0/33"},
           {"host all all ::1/x reject", "f:1: not the length of a network: ::1/x"},
           {"local all all md5", "f:1: want trust, scram-sha-256 or reject: got md5"},
           {"local all all password", "f:1: want trust, scram-sha-256 or reject: got password"},
           {"host all all all trust", "f:1: trust is for the addresses of this machine alone"},
           {"host all all 0.0.0.0/0 trust",
            "f:1: trust is for the addresses of this machine alone"},
           {"host all all 127.0.0.1/7 trust",
            "f:1: trust is for the addresses of this machine alone"},
           {"host all all ::1/8 trust", "f:1: trust is for the addresses of this machine alone"},
           {"hostssl all all 10.0.0.1 trust",
            "f:1: trust is for the addresses of this machine alone"},
           {"local all +admins trust", "f:1: not supported: +admins"},
           {"local all \"ann trust", "f:1: a quoted name does not end in its line"},
           {"local all ann,,bob trust", "f:1: a name is missing: ann,,bob"}}) {
    const Status status = AccessRules::Parse(text, "f").status();
    EXPECT_EQ(status.message(), message);
    EXPECT_EQ(status.sqlstate(), "22023");
  }
}

}  // namespace
}  // namespace dashi
