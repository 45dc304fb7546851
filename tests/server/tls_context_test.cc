#include "server/tls_context.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/server/certificates.h"

namespace dashi {
namespace {

using std::filesystem::perms;

class TlsContextTest : public ::testing::Test {
 protected:
  TlsContextTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("tls_context_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    files_ = MakeCertificate(folder_);
  }
  ~TlsContextTest() override { std::filesystem::remove_all(folder_); }

  std::string Mistake(const std::filesystem::path& certificate, const std::filesystem::path& key) {
    return std::string(TlsContext::Load(certificate, key).status().message());
  }
  std::filesystem::path File(const std::string& text) {
    std::filesystem::path path = folder_ / "made";
    std::filesystem::remove(path);
    std::ofstream(path) << text;
    std::filesystem::permissions(path, perms::owner_read);
    return path;
  }

  std::filesystem::path folder_;
  CertificateFiles files_;
};

TEST_F(TlsContextTest, ReadsACertificateAndItsKey) {
  const auto tls = TlsContext::Load(files_.certificate, files_.key);
  ASSERT_TRUE(tls.ok()) << tls.status().ToString();
  EXPECT_EQ((*tls)->end_point_hash().size(), 32U) << "SHA-256";
  EXPECT_FALSE((*tls)->expired());
  const auto expired = MakeCertificate(folder_, {.name = "old", .days = -1});
  const auto old = TlsContext::Load(expired.certificate, expired.key);
  ASSERT_TRUE(old.ok());
  EXPECT_TRUE((*old)->expired());
  EXPECT_NE((*old)->end_point_hash(), (*tls)->end_point_hash());
}

TEST_F(TlsContextTest, AKeyThatOthersMayReadIsRefused) {
  for (const perms others : {perms::group_read, perms::others_read, perms::group_write}) {
    std::filesystem::permissions(files_.key, perms::owner_read | others);
    EXPECT_NE(Mistake(files_.certificate, files_.key).find("others may read or write"),
              std::string::npos);
  }
  std::filesystem::permissions(files_.key, perms::owner_read);
  EXPECT_TRUE(TlsContext::Load(files_.certificate, files_.key).ok());
}

TEST_F(TlsContextTest, WrongFilesAreTold) {
  const auto other = MakeCertificate(folder_, {.name = "other"});
  EXPECT_NE(Mistake(files_.certificate, other.key).find("not that of the certificate"),
            std::string::npos);
  EXPECT_EQ(TlsContext::Load("/nowhere", files_.key).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(TlsContext::Load(files_.certificate, "/nowhere").status().code(),
            StatusCode::kNotFound);
  for (const char* text : {"", "no PEM", "-----BEGIN CERTIFICATE-----\n%%\n"}) {
    EXPECT_NE(Mistake(File(text), files_.key).find("not a certificate in PEM"), std::string::npos);
    EXPECT_NE(Mistake(files_.certificate, File(text)).find("not a private key in PEM"),
              std::string::npos);
  }
  EXPECT_NE(Mistake(files_.certificate, File("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n"
                                             "-----END ENCRYPTED PRIVATE KEY-----\n"))
                .find("not a private key"),
            std::string::npos);
}

}  // namespace
}  // namespace dashi
