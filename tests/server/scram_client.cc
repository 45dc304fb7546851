#include "tests/server/scram_client.h"

#include <algorithm>
#include <regex>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace dashi {

namespace {

const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Hmac(const std::string& key, const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(text), text.size(), out,
       &size);
  return {out, out + size};
}

std::string Hash(const std::string& text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), out, &size, EVP_sha256(), nullptr);
  return {out, out + size};
}

std::string Encoded(const std::string& text) {
  std::vector<unsigned char> out((text.size() + 2) / 3 * 4 + 1);
  const int size = EVP_EncodeBlock(out.data(), Bytes(text), static_cast<int>(text.size()));
  return {out.begin(), out.begin() + size};
}

std::string Decoded(const std::string& text) {
  std::vector<unsigned char> out(text.size());
  int size = EVP_DecodeBlock(out.data(), Bytes(text), static_cast<int>(text.size()));
  for (std::size_t i = text.size(); i > 0 && text[i - 1] == '='; --i) {
    --size;
  }
  return {out.begin(), out.begin() + std::max(size, 0)};
}

}  // namespace

std::string ScramClient::First() const {
  return options_.header + "n=" + options_.user + ",r=" + options_.nonce;
}

std::optional<std::string> ScramClient::Last(const std::string& server_first) {
  static const std::regex server_first_form("r=([^,]+),s=([^,]+),i=([0-9]+)");
  std::smatch parts;
  if (!std::regex_match(server_first, parts, server_first_form)) {
    return std::nullopt;
  }
  const std::string salt = Decoded(parts[2].str());
  unsigned char salted[32];
  PKCS5_PBKDF2_HMAC(options_.password.data(), static_cast<int>(options_.password.size()),
                    Bytes(salt), static_cast<int>(salt.size()), std::stoi(parts[3].str()),
                    EVP_sha256(), sizeof(salted), salted);
  const std::string salted_password(salted, salted + sizeof(salted));
  const std::string client_key = Hmac(salted_password, "Client Key");
  const std::string without_proof =
      "c=" + Encoded(options_.header + options_.channel) + ",r=" + parts[1].str();
  const std::string message =
      First().substr(options_.header.size()) + "," + server_first + "," + without_proof;
  std::string proof = Hmac(Hash(client_key), message);
  for (std::size_t i = 0; i < proof.size(); ++i) {
    proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
  }
  expected_answer_ = "v=" + Encoded(Hmac(Hmac(salted_password, "Server Key"), message));
  return without_proof + ",p=" + Encoded(proof);
}

}  // namespace dashi
