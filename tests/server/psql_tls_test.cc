// TLS and Unix sockets as psql, which is libpq, meets them.

#include <csignal>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/server/certificates.h"
#include "tests/server/command_process.h"

namespace dashi {
namespace {

class PsqlTlsTest : public ::testing::Test {
 protected:
  PsqlTlsTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("psql_tls_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const CommandOutcome made =
        RunCommand({DashiCommand(), "exec", "w.db", "-c", "SELECT 1"}, folder_);
    EXPECT_EQ(made.exit_status, 0) << made.err;
  }
  ~PsqlTlsTest() override { std::filesystem::remove_all(folder_); }

  // `where` is libpq's: "host=... sslmode=...".
  CommandOutcome Psql(const ServeProcess& serve, const std::string& where) {
    return RunCommand({"psql", "-XAt", "-d",
                       "user=ann dbname=w port=" + std::to_string(serve.port()) + " " + where, "-c",
                       "\\conninfo", "-c", "SELECT 40 + 2"},
                      folder_);
  }
  std::string Verified(const CertificateFiles& files, const std::string& host = "localhost") {
    return "host=" + host + " sslmode=verify-full sslrootcert=" + files.authority.string();
  }

  std::filesystem::path folder_;
};

TEST_F(PsqlTlsTest, TheConnectionIsEncryptedAndVerified) {
  const CertificateFiles files = MakeCertificate(folder_);
  ServeProcess serve("w.db", folder_, {files.certificate_flag(), files.key_flag()});
  ASSERT_GT(serve.port(), 0) << serve.log();
  for (const std::string& where : {Verified(files), std::string("host=127.0.0.1 sslmode=require"),
                                   Verified(files) + " ssl_min_protocol_version=TLSv1.3",
                                   Verified(files) + " ssl_max_protocol_version=TLSv1.2"}) {
    const CommandOutcome outcome = Psql(serve, where);
    EXPECT_EQ(outcome.exit_status, 0) << where << outcome.err;
    EXPECT_NE(outcome.out.find("SSL connection"), std::string::npos) << outcome.out;
    EXPECT_TRUE(outcome.out.ends_with("\n42\n")) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
  const CommandOutcome plain = Psql(serve, "host=127.0.0.1 sslmode=disable");
  EXPECT_EQ(plain.exit_status, 0) << plain.err;
  EXPECT_EQ(plain.out.find("SSL connection"), std::string::npos);
  EXPECT_EQ(Psql(serve, Verified(files) + " ssl_min_protocol_version=TLSv1 "
                                          "ssl_max_protocol_version=TLSv1.1")
                .exit_status,
            2);
}

TEST_F(PsqlTlsTest, AClientThatVerifiesRefusesOtherCertificates) {
  const CertificateFiles good = MakeCertificate(folder_);
  const CertificateFiles other_host =
      MakeCertificate(folder_, {.name = "host", .host = "elsewhere", .same_authority = &good});
  const CertificateFiles expired =
      MakeCertificate(folder_, {.name = "expired", .days = -1, .same_authority = &good});
  const CertificateFiles stranger = MakeCertificate(folder_, {.name = "stranger"});
  const auto refusal = [&](const CertificateFiles& files) {
    ServeProcess serve("w.db", folder_, {files.certificate_flag(), files.key_flag()});
    EXPECT_GT(serve.port(), 0) << serve.log();
    const CommandOutcome outcome = Psql(serve, Verified(good));
    EXPECT_EQ(outcome.exit_status, 2);
    return outcome.err;
  };
  for (const auto& [files, text] :
       {std::pair(&other_host, "does not match host name"),
        std::pair(&expired, "certificate verify failed"), std::pair(&stranger, "SSL error")}) {
    const std::string told = refusal(*files);
    EXPECT_NE(told.find(text), std::string::npos) << told;
  }
}

TEST_F(PsqlTlsTest, ASignalBringsTheNextCertificate) {
  const CertificateFiles files = MakeCertificate(folder_);
  const CertificateFiles next =
      MakeCertificate(folder_, {.name = "next", .host = "elsewhere", .same_authority = &files});
  ServeProcess serve("w.db", folder_, {files.certificate_flag(), files.key_flag()});
  ASSERT_GT(serve.port(), 0) << serve.log();
  EXPECT_EQ(Psql(serve, Verified(files)).exit_status, 0);
  std::filesystem::rename(next.key, files.key);
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("dashi: not reloaded")) << "the key is of another certificate";
  EXPECT_EQ(Psql(serve, Verified(files)).exit_status, 0) << "as before";
  std::filesystem::rename(next.certificate, files.certificate);
  serve.Signal(SIGHUP);
  EXPECT_TRUE(serve.WaitForLog("dashi: reloaded")) << serve.log();
  EXPECT_NE(Psql(serve, Verified(files)).err.find("does not match host name"), std::string::npos);
}

TEST_F(PsqlTlsTest, TheServerRefusesAKeyThatOthersMayRead) {
  const CertificateFiles files = MakeCertificate(folder_);
  std::filesystem::permissions(files.key, std::filesystem::perms(0644));
  const CommandOutcome outcome = RunCommand(
      {DashiCommand(), "serve", "w.db", "--port", "0", files.certificate_flag(), files.key_flag()},
      folder_);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_NE(outcome.err.find("others may read or write the private key"), std::string::npos)
      << outcome.err;
}

TEST_F(PsqlTlsTest, AUnixSocketIsADirectoryForPsql) {
  ServeProcess serve("w.db", folder_, {"--unix-socket-directory", folder_.string()});
  ASSERT_GT(serve.port(), 0) << serve.log();
  const CommandOutcome outcome = Psql(serve, "host=" + folder_.string());
  EXPECT_EQ(outcome.exit_status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("via socket in"), std::string::npos) << outcome.out;
}

}  // namespace
}  // namespace dashi
