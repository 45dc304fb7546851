#include "server/tls_context.h"

#include <array>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "base/status.h"
#include "server/config_file.h"

namespace dashi {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Its owner alone may read it; of a key of root, its group too, as Debian's ssl-cert has it.
Status CheckKeyPermissions(const std::string& path) {
  struct stat about = {};
  if (::stat(path.c_str(), &about) != 0) {
    return Status::NotFound(fmt::format("file missing: {}", path));
  }
  const mode_t forbidden = about.st_uid == 0 && ::geteuid() != 0 ? 0037 : 0077;
  if ((about.st_mode & forbidden) != 0) {
    return Status::InvalidArgument(
               fmt::format("others may read or write the private key: {} has mode {:04o}", path,
                           about.st_mode & 07777U))
        .WithHint("chmod 600 it.");
  }
  if (about.st_uid != ::geteuid() && about.st_uid != 0) {
    return Status::InvalidArgument(
        fmt::format("the private key belongs to another user: {}", path));
  }
  return Status();
}

Status Refused(std::string_view what, const std::string& file, const error_code& error) {
  return Status::InvalidArgument(fmt::format("{}: {}: {}", what, file, error.message()));
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::Load(const std::string& certificate_file,
                                                     const std::string& key_file) {
  std::shared_ptr<TlsContext> tls(new TlsContext());
  SSL_CTX* native = tls->context_.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_ECDH_USE);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  // Of TLS 1.2 what has forward secrecy and is authenticated; 1.3 has nothing else.
  if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return Status::Internal("OpenSSL lacks the ciphers of TLS 1.2");
  }
  DASHI_RETURN_IF_ERROR(tls->ReadCertificate(certificate_file));
  DASHI_RETURN_IF_ERROR(tls->ReadKey(key_file));
  DASHI_RETURN_IF_ERROR(tls->Inspect());
  return tls;
}

Status TlsContext::ReadCertificate(const std::string& file) {
  DASHI_ASSIGN_OR_RETURN(const std::string text, ReadConfigText(file));
  error_code error;
  context_.use_certificate_chain(asio::buffer(text), error);
  return error ? Refused("not a certificate in PEM", file, error) : Status();
}

Status TlsContext::ReadKey(const std::string& file) {
  DASHI_RETURN_IF_ERROR(CheckKeyPermissions(file));
  error_code error;
  // A key with a passphrase is refused, not asked for on the terminal.
  context_.set_password_callback(
      [](std::size_t /*max_length*/, asio::ssl::context::password_purpose /*purpose*/) {
        return std::string();
      },
      error);
  DASHI_ASSIGN_OR_RETURN(std::string text, ReadConfigText(file));
  context_.use_private_key(asio::buffer(text), asio::ssl::context::pem, error);
  OPENSSL_cleanse(text.data(), text.size());
  if (error) {
    return Refused("not a private key in PEM without a passphrase, or not that of the certificate",
                   file, error);
  }
  return SSL_CTX_check_private_key(context_.native_handle()) == 1
             ? Status()
             : Status::InvalidArgument(
                   fmt::format("the private key is not that of the certificate: {}", file));
}

Status TlsContext::Inspect() {
  const X509* certificate = SSL_CTX_get0_certificate(context_.native_handle());
  expired_ = X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
  int digest = NID_undef;
  int signature = NID_undef;
  if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, &signature) != 1 ||
      digest == NID_undef) {
    return Status();  // Such as Ed25519: no hash is defined for the binding.
  }
  // RFC 5929: SHA-256 in the place of MD5 and SHA-1.
  const EVP_MD* hash =
      digest == NID_md5 || digest == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes = {};
  unsigned int size = 0;
  if (hash == nullptr || X509_digest(certificate, hash, bytes.data(), &size) != 1) {
    return Status::Internal("the certificate cannot be hashed");
  }
  end_point_hash_.assign(bytes.begin(), bytes.begin() + size);
  return Status();
}

}  // namespace dashi
