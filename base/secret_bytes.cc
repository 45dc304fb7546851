#include "base/secret_bytes.h"

#include <cerrno>
#include <sys/random.h>

#include "base/status.h"

namespace dashi {

std::string SecretBytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t num_filled = 0;
  while (num_filled < size) {
    const ssize_t got = ::getrandom(bytes.data() + num_filled, size - num_filled, 0);
    DASHI_CHECK(got > 0 || errno == EINTR);  // It fails only where the system has none at all.
    num_filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return bytes;
}

bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

}  // namespace dashi
