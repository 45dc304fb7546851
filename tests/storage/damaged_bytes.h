#pragma once

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>

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

/// Flips one bit of a byte of a file; done twice, the file is as before.
inline void FlipByte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 1));
  ASSERT_TRUE(file.good());
}

}  // namespace dashi::storage
