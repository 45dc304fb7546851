#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace dashi::storage {

/// Calls `decode` with every prefix and every single-bit flip of `bytes`: it must not crash.
inline void ForEachDamage(const std::string& bytes,
                          const std::function<void(const std::string&)>& decode) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    decode(bytes.substr(0, size));
  }
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] =
        static_cast<char>(static_cast<unsigned char>(flipped[bit / 8]) ^ (1U << (bit % 8)));
    decode(flipped);
  }
}

}  // namespace dashi::storage
