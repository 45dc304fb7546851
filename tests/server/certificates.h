#pragma once

#include <filesystem>
#include <string>

namespace dashi {

/// Files of a certificate for tests, in a folder that is there.
struct CertificateFiles {
  std::filesystem::path authority;    ///< who vouches for it
  std::filesystem::path certificate;  ///< PEM
  std::filesystem::path key;          ///< PEM, mode 0600

  /// Options of `dashi serve`.
  std::string certificate_flag() const { return "--tls-certificate-file=" + certificate.string(); }
  std::string key_flag() const { return "--tls-key-file=" + key.string(); }
};

struct CertificateOptions {
  std::string name = "server";     ///< of the files
  std::string host = "localhost";  ///< whom it names
  int days = 1;                    ///< from now; negative: it has expired
  /// The files of another one whose authority is to vouch for this one; null: one of its own.
  const CertificateFiles* same_authority = nullptr;
};

/// Makes a certificate, its key, and an authority.
CertificateFiles MakeCertificate(const std::filesystem::path& folder,
                                 const CertificateOptions& options = {});

}  // namespace dashi
