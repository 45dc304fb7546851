#include "tests/server/certificates.h"

#include <cstdio>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace dashi {

namespace {

constexpr long kDay = 24 * 60 * 60;

struct Freeing {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing>;
using Certificate = std::unique_ptr<X509, Freeing>;
using OpenFile = std::unique_ptr<std::FILE, Freeing>;

Certificate Sign(EVP_PKEY* key, const std::string& name, int days, X509* issuer,
                 EVP_PKEY* issuer_key) {
  Certificate certificate(X509_new());
  X509* made = certificate.get();
  X509_set_version(made, 2);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made), -30 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(made), days * kDay);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(issuer == nullptr ? made : issuer));
  const auto extend = [made](int kind, const std::string& value) {
    const std::unique_ptr<X509_EXTENSION, Freeing> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
    X509_add_ext(made, extension.get(), -1);
  };
  if (issuer == nullptr) {
    extend(NID_basic_constraints, "critical,CA:TRUE");
  } else {
    extend(NID_subject_alt_name, "DNS:" + name);
  }
  X509_sign(made, issuer_key, EVP_sha256());
  return certificate;
}

void WriteCertificate(const std::filesystem::path& path, X509* certificate) {
  const OpenFile file(std::fopen(path.c_str(), "w"));
  PEM_write_X509(file.get(), certificate);
}

void WriteKey(const std::filesystem::path& path, EVP_PKEY* key) {
  const OpenFile file(std::fopen(path.c_str(), "w"));
  PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

template <typename Read>
auto ReadPem(const std::filesystem::path& path, Read read) {
  const OpenFile file(std::fopen(path.c_str(), "r"));
  return read(file.get(), nullptr, nullptr, nullptr);
}

}  // namespace

CertificateFiles MakeCertificate(const std::filesystem::path& folder,
                                 const CertificateOptions& options) {
  CertificateFiles files;
  Key authority_key;
  Certificate authority;
  if (options.same_authority != nullptr) {
    files.authority = options.same_authority->authority;
    authority.reset(ReadPem(files.authority, PEM_read_X509));
    authority_key.reset(ReadPem(files.authority.string() + ".key", PEM_read_PrivateKey));
  } else {
    files.authority = folder / (options.name + "_authority.pem");
    authority_key.reset(EVP_EC_gen("P-256"));
    authority = Sign(authority_key.get(), "tests of dashi", 30, nullptr, authority_key.get());
    WriteCertificate(files.authority, authority.get());
    WriteKey(files.authority.string() + ".key", authority_key.get());
  }
  files.certificate = folder / (options.name + ".pem");
  files.key = folder / (options.name + ".key");
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate =
      Sign(key.get(), options.host, options.days, authority.get(), authority_key.get());
  WriteCertificate(files.certificate, certificate.get());
  WriteKey(files.key, key.get());
  return files;
}

}  // namespace dashi
