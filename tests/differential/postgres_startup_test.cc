// What comes before a client is let in, as PostgreSQL has it: versions and options of the protocol,
// requests for encryption, cancel requests, and bytes that are none of it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/differential/protocol_comparison.h"
#include "tests/server/wire_client.h"

namespace dashi::differential {
namespace {

using std::string_literals::operator""s;

constexpr std::uint32_t kVersion3 = 3U << 16;
constexpr const char* kOnlyVersion3 = "what is not of version 3 is not answered";
constexpr const char* kBefore = "settings are looked at before the login";
constexpr const char* kOnce = "asked for again, it is not answered";

// What a client sends, and how many bytes without a message's form it is answered with.
struct Sent {
  std::string bytes;
  std::size_t num_bytes = 0;
};

struct StartupCase {
  std::string what;
  std::vector<Sent> sent;
  std::string why = "";
  std::string answer = "";
};

std::string Startup(const StartupPairs& more = {}, std::uint32_t version = kVersion3) {
  StartupPairs parameters = {{"user", "dashi"}, {"database", "postgres"}};
  parameters.insert(parameters.end(), more.begin(), more.end());
  return StartupBytes(parameters, version);
}

// A first message of any length, right or wrong.
std::string Framed(std::uint32_t length, std::string_view body) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((length >> shift) & 0xFF);
  }
  return bytes + std::string(body);
}

// Up to and including ReadyForQuery or the end. What the server tells of its settings are its own
// names besides PostgreSQL's, so only those are shown, sorted, that clients rely on.
std::string AnswerTo(WireClient& client, const std::vector<Sent>& sent) {
  std::string answer;
  for (const Sent& one : sent) {
    client.Send(one.bytes);
    answer += client.ReadBytes(one.num_bytes);
  }
  std::vector<std::string> settings;
  for (const ServerMessage& message : client.ReadUntilReady()) {
    if (message.type == 'S') {
      settings.push_back(message.body.substr(0, message.body.find('\0')));
      continue;
    }
    answer += (answer.empty() ? "" : " ") + TranscriptOf({message});
    if (message.type == 'v' || message.type == 'R') {
      answer += "(";
      for (const char byte : message.body) {
        answer += byte >= ' ' && byte <= '~' ? std::string(1, byte)
                                             : std::to_string(static_cast<unsigned char>(byte));
      }
      answer += ")";
    }
  }
  std::sort(settings.begin(), settings.end());
  for (const std::string& name : settings) {
    answer += name.starts_with("dashi") ? "" : " " + name;
  }
  return answer;
}

class PostgresStartupTest : public PostgresProtocolTest {
 protected:
  static void CompareStartups(const std::vector<StartupCase>& cases) {
    for (const StartupCase& tried : cases) {
      WireClient theirs(shared_postgres->socket_path());
      WireClient ours(shared_server->port());
      const std::string wanted = AnswerTo(theirs, tried.sent);
      const std::string got = AnswerTo(ours, tried.sent);
      if (tried.why.empty()) {
        EXPECT_EQ(got, wanted) << tried.what;
      } else {
        EXPECT_EQ(got, tried.answer) << tried.what << ": " << tried.why;
        EXPECT_NE(got, wanted) << tried.what << " is the same by now";
      }
    }
  }
};

TEST_F(PostgresStartupTest, Versions) {
  CompareStartups({
      {"3.0", {{Startup()}}},
      {"3.2", {{Startup({}, kVersion3 + 2)}}},
      {"a version that nobody has, and options that nobody knows",
       {{Startup({{"_pq_.one", "1"}, {"_pq_.two", ""}}, kVersion3 + 9999)}}},
      {"an option of the protocol", {{Startup({{"_pq_.foo", "1"}})}}},
      {"2.0", {{StartupBytes({{"user", "dashi"}}, 2U << 16)}}, kOnlyVersion3, "."},
      {"4.0", {{StartupBytes({{"user", "dashi"}}, 4U << 16)}}, kOnlyVersion3, "."},
  });
}

TEST_F(PostgresStartupTest, Settings) {
  CompareStartups({
      {"what drivers send",
       {{Startup({{"client_encoding", "'utf-8'"},
                  {"DateStyle", "ISO"},
                  {"TimeZone", "UTC"},
                  {"extra_float_digits", "2"},
                  {"application_name", "x"}})}}},
      {"options", {{Startup({{"options", "-c statement_timeout=5s --lock_timeout=1s"}})}}},
      {"options that are none",
       {{Startup({{"options", "-c nonsense_setting=1"}})}},
       kBefore,
       "E!:42704 ."},
      {"a setting that is none", {{Startup({{"bogus_guc", "1"}})}}, kBefore, "E!:42704 ."},
      {"a value that is none", {{Startup({{"statement_timeout", "soon"}})}}, kBefore, "E!:22023 ."},
      {"no user", {{StartupBytes({})}}},
      {"an empty user", {{StartupBytes({{"user", ""}})}}},
      {"a name without a value", {{Framed(4 + 4 + 5, "\0\3\0\0"s + "user\0"s)}}},
  });
}

TEST_F(PostgresStartupTest, WhoAndWhere) {
  CompareStartups({
      {"an unknown role",
       {{StartupBytes({{"user", "nobody"}, {"database", "postgres"}})}},
       "whoever connects is let in while there is no role",
       "R(0000) K Z:I DateStyle IntervalStyle TimeZone application_name client_encoding "
       "default_transaction_read_only in_hot_standby integer_datetimes is_superuser "
       "server_encoding server_version session_authorization standard_conforming_strings"},
      {"an unknown database",
       {{StartupBytes({{"user", "dashi"}, {"database", "nope"}})}},
       "a server of one database lets in by any name",
       "R(0000) K Z:I DateStyle IntervalStyle TimeZone application_name client_encoding "
       "default_transaction_read_only in_hot_standby integer_datetimes is_superuser "
       "server_encoding server_version session_authorization standard_conforming_strings"},
  });
}

TEST_F(PostgresStartupTest, RequestsForEncryption) {
  CompareStartups({
      {"TLS that there is not", {{SslRequestBytes(), 1}, {Startup()}}},
      {"encryption by GSS that there is not", {{GssEncRequestBytes(), 1}, {Startup()}}},
      {"one after the other", {{GssEncRequestBytes(), 1}, {SslRequestBytes(), 1}, {Startup()}}},
      {"TLS asked for twice", {{SslRequestBytes(), 1}, {SslRequestBytes()}}, kOnce, "N ."},
      {"GSS asked for twice", {{GssEncRequestBytes(), 1}, {GssEncRequestBytes()}}, kOnce, "N ."},
  });
}

TEST_F(PostgresStartupTest, CancelRequestsAreNotAnswered) {
  CompareStartups({
      {"of nobody", {{CancelRequestBytes(123'456, 7)}}},
      {"too short", {{Framed(12, CancelRequestBytes(1, 2).substr(4, 8))}}},
      {"behind a request for TLS", {{SslRequestBytes(), 1}, {CancelRequestBytes(123'456, 7)}}},
  });
}

// A cancel that comes too early is forgotten, so it is asked again.
std::string Cancelled(WireClient& client, const std::function<void(const std::string&)>& ask) {
  constexpr const char* kEndless =
      "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r";
  client.Send(QueryBytes(kEndless));
  auto answer = std::async(std::launch::async, [&] { return client.ReadUntilReady(); });
  while (answer.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout) {
    ask(CancelRequestBytes(client.process_id(), client.secret()));
  }
  return TranscriptOf(answer.get()) + " | " + TranscriptOf(client.Query("SELECT 'a'"));
}

TEST_F(PostgresStartupTest, ACancelRequestEndsTheQuery) {
  WireClient theirs(shared_postgres->socket_path());
  theirs.LogIn({{"user", "dashi"}, {"database", "postgres"}});
  WireClient ours(shared_server->port());
  ours.LogIn();
  const std::string wanted = Cancelled(theirs, [](const std::string& request) {
    WireClient canceller(shared_postgres->socket_path());
    canceller.Send(request);
    EXPECT_TRUE(canceller.AtEnd());
  });
  const std::string got = Cancelled(ours, [](const std::string& request) {
    WireClient canceller(shared_server->port());
    canceller.Send(request);
    EXPECT_TRUE(canceller.AtEnd());
  });
  // The column has no declared type, so it is announced with the first row.
  EXPECT_EQ("T " + got, wanted);
}

TEST_F(PostgresStartupTest, NoFirstMessage) {
  const std::string many(20'000, 'x');
  CompareStartups({
      {"a length of nothing", {{Framed(0, "")}}},
      {"a length that is too short", {{Framed(7, "\0\3\0"s)}}},
      {"a negative length", {{Framed(0xFFFFFFFF, "\0\3\0\0"s)}}},
      {"20,000 bytes", {{Framed(20'000, many)}}},
      {"a great length", {{Framed(0x7FFFFFFF, "\0\3\0\0"s)}}},
      {"HTTP", {{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"}}},
      {"a query", {{QueryBytes("SELECT 1")}}},
  });
}

}  // namespace
}  // namespace dashi::differential
