#include "server/peer_address.h"

#include <string>

#include <gtest/gtest.h>

namespace dashi {
namespace {

PeerAddress Parsed(const std::string& text) {
  const auto address = ParseAddress(text);
  EXPECT_TRUE(address.ok()) << text;
  return address.ok() ? *address : PeerAddress();
}

TEST(PeerAddressTest, ReadsAndWritesBothFamilies) {
  for (const char* text : {"10.0.0.1", "255.255.255.255", "::1", "fe80::1:2", "2001:db8::"}) {
    EXPECT_EQ(Parsed(text).ToString(), text);
  }
  EXPECT_EQ(Parsed("::ffff:10.0.0.1"), Parsed("10.0.0.1"));
  for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.1/8", "localhost", ":::"}) {
    EXPECT_EQ(ParseAddress(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(PeerAddress().ToString(), "local");
}

TEST(PeerAddressTest, KnowsLoopback) {
  EXPECT_TRUE(Parsed("127.0.0.1").is_loopback());
  EXPECT_TRUE(Parsed("127.9.9.9").is_loopback());
  EXPECT_TRUE(Parsed("::1").is_loopback());
  EXPECT_TRUE(Parsed("::ffff:127.0.0.1").is_loopback());
  EXPECT_FALSE(Parsed("128.0.0.1").is_loopback());
  EXPECT_FALSE(Parsed("::2").is_loopback());
  EXPECT_FALSE(PeerAddress().is_loopback());
}

TEST(PeerAddressTest, ComparesNetworks) {
  EXPECT_TRUE(SameNetwork(Parsed("10.1.2.3"), Parsed("10.1.0.0"), 16));
  EXPECT_FALSE(SameNetwork(Parsed("10.2.2.3"), Parsed("10.1.0.0"), 16));
  EXPECT_TRUE(SameNetwork(Parsed("10.1.2.3"), Parsed("10.1.2.2"), 31));
  EXPECT_FALSE(SameNetwork(Parsed("10.1.2.3"), Parsed("10.1.2.2"), 32));
  EXPECT_TRUE(SameNetwork(Parsed("1.2.3.4"), Parsed("200.2.3.4"), 0));
  EXPECT_FALSE(SameNetwork(Parsed("1.2.3.4"), Parsed("::"), 0));
  EXPECT_TRUE(SameNetwork(Parsed("2001:db8:1::5"), Parsed("2001:db8::"), 47));
  EXPECT_FALSE(SameNetwork(Parsed("2001:db8:1::5"), Parsed("2001:db8::"), 48));
}

}  // namespace
}  // namespace dashi
